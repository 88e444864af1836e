"""The exams already done, or ordered and not done yet: those of the record, and those that the prescriber's words tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from pertimage.cds.exams import ExamMention, ExamRecogniser
from pertimage.cds.model import ImagingRequest, PriorExam
from pertimage.cds.text.lapses import lapse
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.schema import ExamForm, Modality
from pertimage.guidelines.words import fold

# Without one of these pieces of words, a text tells of no exam done before: most texts do not, and are not read twice.
_TELLS = re.compile(
    r"il y a|hier|matin|ce jour|derni|passe|fait|real|normal|ras\b|deja|\bdu \d|\ben 20|\d{1,2}/\d|anteri|preced|montr|retrouv|conclu|datant|recent|demand|prescri|injecte"
    r"|janv|fev|mars|avril|\bmai\b|juin|juil|aout|septembre|octo|nov|dec"
)
_NOT_DONE_BEFORE = re.compile(
    r"\b(?:pas d'|pas de|jamais(?: eu)?(?: de| d')?|aucune?|sans|ni|refus\w*(?: de l'| d'| l')?|eviter|rdv|rendez-vous|plutot que|au lieu|contre-indication"
    r"|dans l'attente d\w*|en attente d\w*|avant|inutile"
    r"|exige\w*|demande|veut|voudrait|souhait\w*|reclame\w*|merci de|faire|refaire|prevoir)\s*(?:d'|de |l'|la |le |une |un |une nouvelle |un nouveau )?$"
)
_NOT_DONE_AFTER = re.compile(
    r"\b(?:non faite?|pas faite?|non realisee?|refus\w*|impossible|contre.?indiqu\w*|prevue?s?|programm\w*|a faire|a venir|a prevoir"
    r"|indisponible|annul\w*|a distance|inutile|demain|prochaine?|jamais|dans \d+|si possible|svp|souhait\w*)\b"
)
_ORDERED = re.compile(r"\b(?:demandee?|prescrite?|commandee?)\b")
_NOT_YET = re.compile(r"\b(?:pas encore|en attente|non faite?|pas faite?|rdv|rendez-vous|attend)\b")
_SURE = re.compile(
    r"\b(?:deja|faite?s?|realisee?s?|normale?s?|ras|sans anomalie|montr\w+|retrouv\w+|anterieure?s?|precedente?s?|dernier\w*)\b"
)
_STOP = re.compile(r"[.;\n]|, (?!il y a|pas encore|en attente|non faite?|hier|le \d|du \d|en \d|faite?|realisee?)")
_OPENING = frozenset(("", "le", "en", "du", "fait", "faite", "realise", "realisee", "deja", "vu", "vue"))
_TECHNIQUE = re.compile(
    r"\b(?:radio|r[xpt]\b|irm|scan|tdm|echo|dopp|mammo|scinti|tep|pet|dmo|dxa|cliche|osteo|angio|arthro|uro|coro|asp\b|bili|entero|colosc|panora|age osseux)"
)
_AROUND = 70  # characters around an exam in which its date is told


@dataclass(frozen=True, slots=True)
class Earlier:
    """An exam done or ordered before this request.

    ``exam`` is None when the catalogue does not know it, then ``modality`` is what is known. ``days`` before the request, None
    when not told. ``told``: by the prescriber's words, in this very request.
    """

    prior: PriorExam
    exam: ExamForm | None = None
    modality: Modality | None = None
    laterality: str = ""
    days: int | None = None
    told: bool = False

    @property
    def irradiating(self) -> bool:
        """Say whether it uses ionising radiation; an unknown technique counts as one that may."""
        technique = self.exam.modality if self.exam else self.modality
        return technique is None or technique.irradiating


NamedBy = Callable[[PriorExam], str | None]


def earlier_exams(
    request: ImagingRequest, asked: ExamForm | None, catalogue: Catalogue, exams: ExamRecogniser, named: NamedBy
) -> tuple[Earlier, ...]:
    """Return the exams known before this request, the most recent first; ``named`` gives the catalogue id of one of the record.

    ``asked`` lends its region to an exam told without one (« IRM il y a 5 semaines »). An exam told in words that the record
    already holds counts once.
    """
    recorded = [_recorded(prior, request, catalogue, exams, named) for prior in request.prior_exams if prior.reference != request.id]
    known = [one for one in recorded if one.days is None or one.days >= 0]
    told = [one for one in _told(request, asked, catalogue, exams) if not any(_same(one, other) for other in known)]
    return tuple(sorted([*known, *told], key=lambda one: (one.days is None, one.days or 0, one.told)))


def _recorded(prior: PriorExam, request: ImagingRequest, catalogue: Catalogue, exams: ExamRecogniser, named: NamedBy) -> Earlier:
    name = named(prior)
    side = next((mention.laterality for mention in exams.in_text(prior.text) if mention.laterality), "")
    side = side or exams.coded((code.system, code.code) for code in prior.codes).laterality
    days = (request.authored - prior.performed).days if request.authored and prior.performed else None
    return Earlier(prior, catalogue.exams[name] if name else None, _technique(prior.modality), side, days)


def _technique(code: str) -> Modality | None:
    code = {"CR": "DX", "MRI": "MR", "DXA": "BMD"}.get(code, code)
    return Modality(code) if code in set(Modality) else None


def _same(told: Earlier, recorded: Earlier) -> bool:
    if told.exam is None or recorded.exam is None or told.exam.modality is not recorded.exam.modality:
        return False
    if told.exam.id != recorded.exam.id and told.exam.region != recorded.exam.region:
        return False
    return told.days is None or recorded.days is None or abs(told.days - recorded.days) <= max(10, 0.3 * recorded.days)


def _told(request: ImagingRequest, asked: ExamForm | None, catalogue: Catalogue, exams: ExamRecogniser) -> Iterator[Earlier]:
    text = request.narrative
    folded = fold(text)
    if not _TELLS.search(folded):
        return
    mentions = exams.done_in(text)
    seen: set[tuple[str, int | None]] = set()
    for place, mention in enumerate(mentions):
        after = mentions[place + 1].start if place + 1 < len(mentions) else len(folded)
        found = _done(mention, folded, request.authored, after)
        exam = _exam(mention, asked, catalogue, exams) if found else None
        if found is None or exam is None or (exam.id, found[0]) in seen:
            continue
        days, ordered = found
        seen.add((exam.id, days))
        when = request.authored - timedelta(days=days) if request.authored and days is not None else None
        yield Earlier(PriorExam(mention.phrase, performed=when, ordered=ordered), exam, exam.modality, mention.laterality, days, told=True)


def _done(mention: ExamMention, folded: str, on: date | None, next_exam: int) -> tuple[int | None, bool] | None:
    """Return how many days ago a cited exam was done and whether it is only ordered; None when it was not done."""
    before, after = _clause(mention, folded, next_exam)
    if _NOT_DONE_BEFORE.search(before):
        return None
    told = lapse(after, on) or _led(before, on)
    days = round(told[0]) if told else None
    sure = bool(_SURE.search(f"{before[-25:]} {after}"))
    if days == 0 and not sure:
        return None  # « échographie ce jour » is asked for
    ordered = bool(_ORDERED.search(after) and _NOT_YET.search(after))
    if not ordered and (_NOT_DONE_AFTER.search(after) or _NOT_YET.search(after)):
        return None
    return (days, ordered) if days is not None or ordered or sure else None


def _clause(mention: ExamMention, folded: str, next_exam: int) -> tuple[str, str]:
    """Return the words before and after an exam that are said of it; a region said before it has its own date (« entorse en juin, radio »)."""
    named = [match.start() for match in _TECHNIQUE.finditer(folded, mention.start, mention.end)]
    start = named[-1] if named else mention.start
    lead = re.split(r"[.;\n]", folded[max(0, start - _AROUND) : start])[-1]
    rest = folded[start : max(mention.end, min(next_exam, mention.end + _AROUND))]
    stop = _STOP.search(rest)
    return lead, rest[: stop.start()] if stop else rest


def _led(before: str, on: date | None) -> tuple[float, int, int] | None:
    """Return the lapse that opens the clause of an exam (« il y a 5 semaines, IRM normale »), not that of a complaint before it."""
    clause = re.split(r"[(:]", before)[-1].lstrip()
    found = lapse(clause, on)
    opens = found is not None and clause[: found[1]].strip() in _OPENING
    return found if found and opens and len(clause) - found[2] <= 25 else None


def _exam(mention: ExamMention, asked: ExamForm | None, catalogue: Catalogue, exams: ExamRecogniser) -> ExamForm | None:
    """Return the exam that a mention means; told without region, the one of its technique on the region asked for."""
    if mention.exam is not None:
        return catalogue.exams[mention.exam]
    among = [catalogue.exams[name] for name in exams.candidates(mention)]
    if asked is None:
        return None
    if any(exam.id == asked.id for exam in among):
        return asked
    return next((exam for exam in among if exam.region == asked.region), None)
