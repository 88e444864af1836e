"""Requests and assessments read back from the JSON that was written of them: ``read(write(x)) == x``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pertimage.cds.model import (
    Alert,
    AlertKind,
    Alternative,
    Assessment,
    Code,
    Dose,
    FactFound,
    ImagingRequest,
    KnownFact,
    Missing,
    Outcome,
    PriorExam,
    Severity,
    Sex,
    SourceCited,
    Status,
    TextPart,
)  # fmt: skip

Json = Mapping[str, Any]


def request_of(record: Json) -> ImagingRequest:
    """Return the request that a JSON record holds; raises KeyError or ValueError on a record that is not one."""
    return ImagingRequest(
        id=record["id"], exam_text=record.get("exam_text", ""), exam_codes=_codes(record, "exam_codes"),
        texts=tuple(TextPart(part["place"], part["text"]) for part in record.get("texts", ())),
        reason_codes=_codes(record, "reason_codes"), body_sites=_codes(record, "body_sites"), laterality=record.get("laterality", ""),
        age=record.get("age"), sex=Sex(record["sex"]) if record.get("sex") else None, authored=_day(record.get("authored")),
        priority=record.get("priority", "routine"),
        known=tuple(KnownFact(k["fact"], Status(k["status"]), k.get("value"), k.get("origin", "")) for k in record.get("known", ())),
        prior_exams=tuple(_prior(exam) for exam in record.get("prior_exams", ())), unknown_context=tuple(record.get("unknown_context", ())),
    )  # fmt: skip


def _codes(record: Json, key: str) -> tuple[Code, ...]:
    return tuple(Code(code["system"], code["code"], code.get("display", "")) for code in record.get(key, ()))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _prior(record: Json) -> PriorExam:
    return PriorExam(
        record["text"],
        _codes(record, "codes"),
        record.get("modality", ""),
        _day(record.get("performed")),
        record.get("place", ""),
        record.get("reference", ""),
        record.get("conclusion", ""),
        record.get("ordered", False),
        record.get("msv"),
    )


def assessment_of(record: Json) -> Assessment:
    """Return the assessment that a contract object holds; raises KeyError or ValueError on an object that is not one."""
    return Assessment(
        request=record["request"], outcome=Outcome(record["outcome"]), exam=record["exam"], guidelines=record["guidelines"], reason=record["reason"],
        pathway=record["pathway"], exam_label=record.get("exam_label", ""), situations=tuple(record["situations"]), rule=record["rule"],
        facts=tuple(FactFound(f["fact"], Status(f["status"]), f["evidence"], f["start"], f["end"], f.get("value")) for f in record["facts"]),
        missing=_missing(record["missing"]), absent_flags=_missing(record.get("absent_flags", ())),
        alternatives=tuple(
            Alternative(a["exam"], a["label"], a.get("when", ""), a.get("dose_class"), a.get("msv"), a.get("tariff_eur"), a.get("wait_days"))
            for a in record["alternatives"]
        ),
        alerts=tuple(Alert(AlertKind(a["kind"]), Severity(a["severity"]), a["message"], a["refers_to"], a.get("basis", "verified")) for a in record["alerts"]),
        sources=tuple(SourceCited(s["organisation"], s["title"], s["year"], s["where"]) for s in record["sources"]),
        dose=_dose(record["dose"]), flagged=record["flagged"], flag_reasons=tuple(record["flag_reasons"]),
        review_state=record["review_state"], silenced=Outcome(record["silenced"]) if record.get("silenced") else None,
    )  # fmt: skip


def _dose(record: Json) -> Dose:
    return Dose(
        record["class"],
        record["msv"],
        record["cumulative_12m_msv"],
        record.get("cumulative_60m_msv"),
        _range(record.get("cumulative_12m_range_msv")),
        _range(record.get("cumulative_range_msv")),
        record.get("exams_without_dose", 0),
    )


def _range(bounds: Any) -> tuple[float, float] | None:
    return (bounds[0], bounds[1]) if bounds else None


def _missing(records: Any) -> tuple[Missing, ...]:
    return tuple(Missing(item["item"], item["question"], item["blocking"], item.get("level", "clinical")) for item in records)
