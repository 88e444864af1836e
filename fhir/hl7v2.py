"""Requests read from HL7 v2 messages: ORM^O01, OMG^O19 and OMI^O23, in the French profiles and outside them.

In the ANS teleradiology profile the exam is given by observations (technique, region, side), the justification by OBR-13, the
purpose by a note and the antecedents by an observation. Elsewhere OBR-4 codes the exam and OBR-31 or DG1 the reason. Orders
that ask for nothing (cancelled, answered) give no request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from pertimage.cds.model import Code, ImagingRequest, KnownFact, Sex, Status, TextPart
from pertimage.fhir.context import PREGNANCY, TERRAIN
from pertimage.fhir.history import CONTRAINDICATIONS
from pertimage.fhir.requests import laterality
from pertimage.fhir.systems import DICOM, LOINC, SIDES, distinct, uri_of
from pertimage.fhir.values import BadRequest, age_in_years, day, text

MESSAGES = ("ORM", "OMI", "OMG")
HISTORY = "11322-5"
_ASKS = frozenset(("NW", "XO", "RO", "SN", "PA", "CH", "RP", "RU", "XX", "SC", ""))
_PRIORITIES = {"S": "stat", "STAT": "stat", "A": "asap", "ASAP": "asap", "U": "urgent", "UR": "urgent", "C": "urgent", "P": "asap"}
_NO_EXAM = frozenset(("TRANSMISSION_DEMANDE",))
_ESCAPE = re.compile(r"\\(F|S|T|R|E|\.br|X[0-9A-Fa-f]+|H|N)\\")


@dataclass(frozen=True, slots=True)
class _Segment:
    """A segment: its fields by number, split on demand."""

    name: str
    fields: list[str]
    marks: str

    def field(self, position: int) -> str:
        return self.fields[position] if position < len(self.fields) else ""

    def component(self, position: int, part: int = 1) -> str:
        first = self.field(position).split(self.marks[1])[0]
        parts = first.split(self.marks[0])
        return self._plain(parts[part - 1]) if part <= len(parts) else ""

    def said(self, position: int) -> str:
        """Return all repetitions of a field in words: the text of a coded element, the whole of a plain one."""
        repeated = []
        for repetition in self.field(position).split(self.marks[1]):
            parts = [self._plain(part) for part in repetition.split(self.marks[0])]
            repeated.append(next((part for part in (*parts[1:2], *parts[:1]) if part), ""))
        return "\n".join(part for part in repeated if part)

    def code(self, position: int) -> Code | None:
        code = self.component(position)
        return Code(uri_of(self.component(position, 3)), code, self.component(position, 2)) if code else None

    def _plain(self, value: str) -> str:
        return text(_ESCAPE.sub(self._unescape, value)) if "\\" in value else text(value)

    def _unescape(self, match: re.Match[str]) -> str:
        what = match.group(1)
        if what.startswith("X") and len(what) % 2:
            return bytes.fromhex(what[1:]).decode("utf-8", "replace")
        marks = {"F": "|", "S": self.marks[0], "R": self.marks[1], "E": "\\", "T": self.marks[3:4] or "&", ".br": "\n"}
        return marks.get(what, "")


@dataclass(slots=True)
class _Group:
    """An order: ORC and what follows it up to the next ORC."""

    control: str = ""
    segments: list[_Segment] = field(default_factory=list)

    def all(self, name: str) -> Iterator[_Segment]:
        return (segment for segment in self.segments if segment.name == name)

    def first(self, name: str) -> _Segment:
        return next(self.all(name), _Segment(name, [], "^~\\&"))


def read_message(message: str | bytes, today: date | None = None) -> tuple[ImagingRequest, ...]:
    """Return one request per order of a message that asks for something; ``BadRequest`` when it is not an order message."""
    segments = list(_segments(message))
    if not segments or segments[0].name != "MSH":
        raise BadRequest("MSH", "Ce n'est pas un message HL7 v2 : il doit commencer par un segment MSH.")
    kind = segments[0].component(9)
    if kind not in MESSAGES:
        raise BadRequest("MSH-9", f"Message « {kind[:10]} » reçu ; une demande est attendue (ORM^O01, OMG^O19 ou OMI^O23).")
    patient = next((segment for segment in segments if segment.name == "PID"), _Segment("PID", [], "^~\\&"))
    groups = list(_groups(segments))
    if not any(True for group in groups for _ in group.all("OBR")):
        raise BadRequest("OBR", "Ce message ne contient aucune demande d'examen (segment OBR).")
    asked = [group for group in groups if group.control in _ASKS and next(group.all("OBR"), None)]
    return tuple(_request(group, patient, segments[0], rank, today) for rank, group in enumerate(asked, 1))


def _segments(message: str | bytes) -> Iterator[_Segment]:
    """Yield the segments; the separators are those that MSH declares, MLLP framing is dropped."""
    body = _decoded(message).strip("\x0b\x1c\ufeff\r\n ")
    if len(body) < 8 or not body.startswith("MSH"):
        return
    bar, marks = body[3], (body[4:8] + "^~\\&"[len(body[4:8]) :])
    for line in re.split(r"\r\n|\r|\n", body):
        fields = line.split(bar)
        if fields[0] == "MSH":
            fields.insert(1, bar)
        if fields[0]:
            yield _Segment(fields[0].strip().upper(), fields, marks)


def _decoded(message: str | bytes) -> str:
    """Return the text of a message: UTF-8, else the Western encoding of older French software."""
    if isinstance(message, str):
        return message
    try:
        return message.decode("utf-8")
    except UnicodeDecodeError:
        return message.decode("cp1252", "replace")


def _groups(segments: list[_Segment]) -> Iterator[_Group]:
    group = _Group()
    for segment in segments:
        if segment.name == "ORC" or (segment.name == "OBR" and next(group.all("OBR"), None)):
            yield group
            group = _Group(segment.component(1) if segment.name == "ORC" else group.control)
        group.segments.append(segment)
    yield group


def _request(group: _Group, patient: _Segment, header: _Segment, rank: int, today: date | None) -> ImagingRequest:
    obr, orc = group.first("OBR"), group.first("ORC")
    authored = _day(orc.component(9)) or _day(obr.component(6)) or _day(header.component(7)) or today
    birth = _day(patient.component(7))
    age = age_in_years(birth, authored) if birth and authored else None
    exam_codes, sites, sides, exam_words = _exam(group, obr)
    exam_text = ", ".join(distinct(exam_words))
    texts, reasons = _reason(group, obr)
    placer = re.sub(r"[^A-Za-z0-9.-]", "-", orc.component(2) or obr.component(2))[:64]
    return ImagingRequest(
        id=f"ServiceRequest/{placer or f'sans-id-{rank}'}",
        exam_text=exam_text,
        exam_codes=tuple(exam_codes),
        texts=texts,
        reason_codes=reasons,
        body_sites=tuple(sites),
        laterality=laterality(sides, [exam_text]),
        age=age,
        sex={"F": Sex.FEMALE, "M": Sex.MALE}.get(patient.component(8).upper()),
        authored=authored,
        priority=_priority(group, obr),
        known=tuple(_known(group)),
        unknown_context=() if age is not None else ("âge du patient",),
    )


def _exam(group: _Group, obr: _Segment) -> tuple[list[Code], list[Code], list[Code], list[str]]:
    """Return the exam's codes, body sites, side qualifiers and words, from OBR-4, OBR-15 and the profile's observations."""
    codes: list[Code] = []
    sites: list[Code] = []
    said: list[str] = []
    exam = obr.code(4)
    if exam and exam.code not in _NO_EXAM:
        codes.append(exam)
        said.append(obr.component(4, 2) or obr.component(4, 5) or obr.component(4))
    for segment in group.all("OBX"):
        observed, value = segment.component(3), segment.code(5)
        if observed == "MODALITE_IMAGERIE" and value:
            codes.append(value if value.system else Code(DICOM, value.code, value.display))
        elif observed == "REGION_ANATOMIQUE" and value:
            sites.append(value)
        elif observed == "CODE_ACTE_IMAGERIE" and value:
            codes.append(value)
        else:
            continue
        said.append(value.display)
    if obr.component(15):
        said.append(obr.component(15, 2) or obr.component(15))
    sides = [site for site in sites if site.code in SIDES]
    return codes, [site for site in sites if site.code not in SIDES], sides, said


def _reason(group: _Group, obr: _Segment) -> tuple[tuple[TextPart, ...], tuple[Code, ...]]:
    """Return the prescriber's words by place and the codes of the diagnoses; antecedents are marked as such."""
    parts = [("OBR-13", obr.said(13)), ("OBR-31", obr.said(31))]
    parts += [("DG1", segment.component(4) or segment.component(3, 2)) for segment in group.all("DG1")]
    parts += [("NTE", segment.said(3)) for segment in group.all("NTE")]
    for segment in group.all("OBX"):
        if segment.component(3) == HISTORY:
            parts += [("antecedents", f"ATCD : {line}") for line in segment.said(5).splitlines() if line.strip()]
    codes = [code for segment in group.all("DG1") if (code := segment.code(3))]
    codes += [code for code in (obr.code(31),) if code and code.system]
    return tuple(TextPart(place, said) for place, said in dict.fromkeys(parts) if said), tuple(codes)


def _known(group: _Group) -> Iterator[KnownFact]:
    """Yield the safety facts that observations state: pregnancy, contraindications of the national value set."""
    for segment in group.all("OBX"):
        value = segment.component(5).upper()
        if segment.component(3) == PREGNANCY and uri_of(segment.component(3, 3)) == LOINC:
            status = {"N": Status.ABSENT, "Y": Status.PRESENT, "60001007": Status.ABSENT, "77386006": Status.PRESENT}.get(value)
            if status:
                yield KnownFact("grossesse", status, origin="OBX")
        elif value in CONTRAINDICATIONS and segment.component(3) == "64100-1":
            yield from (
                KnownFact(fact, origin="OBX")
                for fact in CONTRAINDICATIONS[value]
                if fact in TERRAIN or fact in ("grossesse", "allaitement")
            )


def _priority(group: _Group, obr: _Segment) -> str:
    written = group.first("TQ1").component(9) or obr.component(27, 6) or group.first("ORC").component(7, 6) or obr.component(5)
    return _PRIORITIES.get(written.upper(), "routine")


def _day(stamp: str) -> date | None:
    """Return the day of an HL7 v2 time stamp (YYYY[MM[DD…]])."""
    digits = re.match(r"\d{4,8}", stamp)
    if not digits:
        return None
    written = digits.group()
    return day("-".join(part for part in (written[:4], written[4:6], written[6:8]) if part))
