"""The lines of a restricted extract: which columns leave the store, and what becomes of each on the way.

A column leaves only if it is here, and each kind says what it lets through: a day, a pseudonym, a code, a number. There is no kind for
free text. Pseudonyms are hashed once more with the salt of the extract: those of two extracts do not meet.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from pertimage.audit.extraction.catalogue import LINES
from pertimage.audit.extraction.source import OTHER, Wanted, bounds, code, day, demonstration_sites, feedback_query, reason_of
from pertimage.audit.extraction.source import stream as run
from pertimage.audit.patient_links import Delay, Explained, Reason
from pertimage.audit.programme import Mode
from pertimage.audit.pseudonym import AGE_BANDS
from pertimage.audit.review import Decision, RequestStatus, ReviewState
from pertimage.audit.tables import activity, assessments, feedback, patient_answers, requests, reviews, rule_opinions
from pertimage.cds.model import Outcome

LEAST_SALT = 16
_PSEUDONYM = 32
_UNSEEN = re.compile(r"[\x00-\x1f\x7f]")
Value = str | int | float | None
Convert = Callable[[Any], Value]


@dataclass(frozen=True, slots=True)
class Leaving:
    """A column on its way out: where it comes from, the kind that it is of, what the kind does to its value."""

    source: ColumnElement[Any]
    kind: str
    convert: Convert


def salted(salt: bytes, domain: str, value: str | None) -> str | None:
    """Return a pseudonym of this extract alone; ``domain`` keeps people and things apart."""
    if not value:
        return None
    return hmac.digest(salt, f"{domain}\x1f{value}".encode(), "sha256").hex()[:_PSEUDONYM]


def _hashed(source: ColumnElement[Any], salt: bytes, domain: str) -> Leaving:
    return Leaving(source, "pseudonyme", partial(salted, salt, domain))


def _day(source: ColumnElement[Any]) -> Leaving:
    return Leaving(source, "jour", day)


def _month(source: ColumnElement[Any]) -> Leaving:
    return Leaving(source, "mois", lambda instant: (day(instant) or "")[:7] or None)


def _flag(source: ColumnElement[Any]) -> Leaving:
    return Leaving(source, "oui-non", lambda value: None if value is None else int(value))


def _number(source: ColumnElement[Any]) -> Leaving:
    return Leaving(source, "nombre", lambda value: None if value is None else int(value))


def _code(source: ColumnElement[Any]) -> Leaving:
    return Leaving(source, "code", lambda value: code(value) or None)


def _site(source: ColumnElement[Any]) -> Leaving:
    """Let the id of a site through: whoever installs the service chose it."""
    return Leaving(source, "site", site_name)


def site_name(value: str | None) -> str:
    """Return the id of a site without what cannot be seen."""
    return _UNSEEN.sub("", value or "")[:80]


def words(values: Iterable[str]) -> frozenset[str]:
    """Return a closed vocabulary."""
    return frozenset(map(str, values))


def _word(source: ColumnElement[Any], known: frozenset[str]) -> Leaving:
    return Leaving(source, "mot", lambda value: value if not value or value in known else OTHER)


_OUTCOMES, _MODES, _STATUSES = words(Outcome), words(Mode), words(RequestStatus)
_PRIORITIES = words(["routine", "urgent", "asap", "stat"])


def leaving(salt: bytes, reasons: frozenset[str]) -> dict[str, tuple[Leaving, ...]]:
    """Return, for each table of lines, its columns in the order of the dictionary."""
    a, r, s, v, o, f, p = (table.c for table in (activity, requests, assessments, reviews, rule_opinions, feedback, patient_answers))
    request = partial(_hashed, salt=salt, domain="request")
    person, patient = partial(_hashed, salt=salt, domain="person"), partial(_hashed, salt=salt, domain="patient")
    return {
        "examens": (
            _hashed(a.accession, salt, "accession"), patient(a.patient), _site(a.site), _month(func.coalesce(a.performed_at, a.requested_at)),
            _word(a.age_band, AGE_BANDS), _code(a.modality), _code(a.exam),
            _code(a.region), _flag(a.irradiating), _day(a.requested_at), _day(a.scheduled_at), _day(a.performed_at), _day(a.reported_at),
            _word(a.outcome, _OUTCOMES),
        ),
        "lignes_demandes": (
            request(r.id), patient(r.patient), person(r.prescriber), _site(r.site), _month(func.coalesce(r.signed_at, r.created_at)),
            _day(r.created_at), _day(r.signed_at), _word(r.status, _STATUSES), _word(r.mode, _MODES), _word(r.outcome, _OUTCOMES),
            _code(r.exam), _code(r.modality), _code(r.pathway), _word(r.priority, _PRIORITIES), _flag(r.flagged),
        ),
        "lignes_avis": (
            request(s.request), _number(s.rank), _word(s.outcome, _OUTCOMES), _code(s.exam), _code(s.modality), _flag(s.irradiating),
            _code(s.rule), _code(s.pathway), _code(s.fast_track), _number(s.target_days), _flag(s.flagged),
        ),
        "lignes_relectures": (
            request(v.request), _site(r.site), _word(v.state, words(ReviewState)), _word(v.decision, words(Decision)),
            _code(v.exam), person(v.radiologist), _day(v.opened_at), _day(v.decided_at),
        ),
        "lignes_regles_jugees": (request(o.request), _code(o.rule), _site(r.site), _code(o.opinion), person(o.radiologist), _day(o.at)),
        "lignes_retours": (
            request(f.request), _code(f.outcome), Leaving(f.reason, "mot", lambda reason: reason_of(reason, reasons) or None), _day(f.at),
        ),
        "lignes_reponses_patients": (
            _site(p.site), Leaving(p.month, "mois", lambda month: month), _code(p.language), _number(p.understanding),
            _word(p.delay, words(Delay)), _word(p.explained, words(Explained)), _flag(p.renounced),
            Leaving(p.reasons, "mots", _known_reasons),
        ),
    }  # fmt: skip


def _known_reasons(reasons: str) -> str | None:
    return ",".join(reason for reason in reasons.split(",") if reason in words(Reason)) or None


def line_rows(connection: Connection, table: str, columns: Sequence[Leaving], wanted: Wanted) -> Iterator[tuple[Value, ...]]:
    """Yield the lines of a table, in the order of the store; at most a few thousand are in memory."""
    converts = [column.convert for column in columns]
    query = _QUERIES[table](connection, [column.source for column in columns], wanted)
    for row in run(connection, query):
        yield tuple(convert(value) for convert, value in zip(converts, row, strict=True))


Sources = list[ColumnElement[Any]]


def _exams(connection: Connection, sources: Sources, wanted: Wanted) -> Select[Any]:
    query = select(*sources).where(activity.c.fictitious == wanted.fictitious)
    return _period(query, func.coalesce(activity.c.performed_at, activity.c.requested_at), activity.c.site, wanted)


def _requests(connection: Connection, sources: Sources, wanted: Wanted) -> Select[Any]:
    query = select(*sources).select_from(requests).where(demonstration_sites(wanted.fictitious, requests.c.site))
    return _period(query, func.coalesce(requests.c.signed_at, requests.c.created_at), requests.c.site, wanted)


def _of_requests(joined: Any) -> Callable[[Connection, Sources, Wanted], Select[Any]]:
    """Return the query of what belongs to the requests of the period."""

    def query(connection: Connection, sources: Sources, wanted: Wanted) -> Select[Any]:
        return _requests(connection, sources, wanted).join(joined, joined.c.request == requests.c.id)

    return query


def _feedback(connection: Connection, sources: Sources, wanted: Wanted) -> Select[Any]:
    query = feedback_query(connection, wanted).with_only_columns(*sources, maintain_column_froms=True)
    return _period(query, feedback.c.at, requests.c.site, wanted)


def _answers(connection: Connection, sources: Sources, wanted: Wanted) -> Select[Any]:
    month, site = patient_answers.c.month, patient_answers.c.site
    query = select(*sources).where(demonstration_sites(wanted.fictitious, site))
    query = query.where(month >= wanted.since) if wanted.since else query
    query = query.where(month <= wanted.until) if wanted.until else query
    return query.where(site.in_(sorted(wanted.sites))) if wanted.sites is not None else query


def _period(query: Select[Any], instant: ColumnElement[Any], site: ColumnElement[Any], wanted: Wanted) -> Select[Any]:
    query = query.where(instant >= bounds(wanted.since)[0]) if wanted.since else query
    query = query.where(instant < bounds(wanted.until)[1]) if wanted.until else query
    return query.where(site.in_(sorted(wanted.sites))) if wanted.sites is not None else query


_QUERIES: dict[str, Callable[[Connection, Sources, Wanted], Select[Any]]] = {
    "examens": _exams,
    "lignes_demandes": _requests,
    "lignes_avis": _of_requests(assessments),
    "lignes_relectures": _of_requests(reviews),
    "lignes_regles_jugees": _of_requests(rule_opinions),
    "lignes_retours": _feedback,
    "lignes_reponses_patients": _answers,
}
assert [*_QUERIES] == [table.name for table in LINES]
