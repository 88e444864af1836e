"""The calendar of the programme: when each site is silent, on, off, what else happened, and changing it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.instants import PARIS
from pertimage.audit.programme import Calendar, Entry, Event, EventKind, Misread, Mode, problems, read_calendar, read_day, to_csv
from pertimage.audit.programme_register import Programme
from pertimage.audit.review import Refused
from pertimage.web.access import page_user
from pertimage.web.pages import csrf
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.view import flash, page, service_of

router = APIRouter(prefix="/evaluation/calendrier", include_in_schema=False)

ROLE = "equipe-projet"
LONGEST = 400_000  # characters of a calendar pasted here
SPARE_LINES = 2
_STEPS = ("silent", "on", "off")
_MARGIN, _YEAR = timedelta(days=45), timedelta(days=365)
_LINE, _LEFT, _WIDTH, _TOP = 30, 260, 670, 34


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the form, as written; ``faults`` says what is wrong with it."""

    site: str = ""
    group: str = ""
    silent: str = ""
    on: str = ""
    off: str = ""
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a site's line: the mode, from where to where on the drawing, in its units, and in words."""

    mode: Mode
    left: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The calendar drawn: ``lines`` are (name, height of the line, bars), ``months`` and ``marks`` are (place, words)."""

    width: int
    height: int
    left: int
    lines: tuple[tuple[str, float, tuple[Bar, ...]], ...]
    months: tuple[tuple[float, str], ...]
    marks: tuple[tuple[float, str], ...]
    today: float


@router.get("", response_class=HTMLResponse)
def calendar(request: Request) -> HTMLResponse:
    """Show the calendar in force, with its history and the events."""
    page_user(request, ROLE)
    return _shown(request)


@router.get(".csv")
def as_csv(request: Request) -> Response:
    """Send the calendar in force as the command line reads it."""
    page_user(request, ROLE)
    entries = Programme(service_of(request).journal).calendar().entries
    headers = {"Content-Disposition": 'attachment; filename="calendrier.csv"'}
    return Response(to_csv(entries).encode(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("", response_model=None)
def change(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Put the lines of the form, or a calendar pasted, in force; refused with what is wrong, or when another was put in force meanwhile."""
    user, service = page_user(request, ROLE), service_of(request)
    pasted = form.get("csv")
    misread: tuple[Misread, ...] = ()
    if isinstance(pasted, str) and pasted.strip():
        entries, misread = read_calendar(pasted[:LONGEST])
        lines = _lines(entries)
    else:
        pasted = ""
        lines, entries = _read_lines(form)
    given: dict[str, Any] = {"author": csrf.text(form, "auteur"), "reason": csrf.text(form, "motif"), "pasted": pasted, "misread": misread}
    if misread or any(line.faults for line in lines):
        return _shown(request, lines=lines or None, status=422, **given)
    signed = given["author"] if given["author"] == user.name or service.settings.demo else f"{given['author']} (compte {user.name})"
    after = csrf.text(form, "apres", 20)
    try:
        Programme(service.journal).put(
            entries,
            author=signed if given["author"] else "",
            reason=given["reason"],
            at=service.now(),
            after=int(after) if after.isdecimal() else 0,
        )
    except ValueError as error:
        return _shown(request, lines=lines, status=422, fault=str(error), **given)
    except Refused as refusal:
        return _shown(request, lines=lines, status=409, fault=str(refusal), **given)
    service.programme.look()
    flash(request, "Calendrier en vigueur : chaque demande le suit désormais.")
    return RedirectResponse("/evaluation/calendrier", 303)


@router.post("/evenement", response_model=None)
def note(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Record that something else happened."""
    user, service = page_user(request, ROLE), service_of(request)
    written = {name: csrf.text(form, name) for name in ("sorte", "ou", "debut", "fin", "mots")}
    try:
        since, until = read_day(written["debut"], "Début"), read_day(written["fin"], "Fin")
        if since is None:
            raise ValueError("Dites depuis quel jour.")
        kind = next((kind for kind in EventKind if kind.value == written["sorte"]), EventKind.OTHER)
        Programme(service.journal).note(
            kind, written["mots"], site=written["ou"], since=since, until=until, author=user.name, at=service.now()
        )
    except ValueError as error:
        return _shown(request, status=422, event_fault=str(error), written=written)
    flash(request, "Événement noté : les évaluations le diront.")
    return RedirectResponse("/evaluation/calendrier#t-evenements", 303)


@router.post("/evenement/{identifier}/annuler", response_model=None)
def cancel(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Take back an event written by mistake."""
    user, service = page_user(request, ROLE), service_of(request)
    try:
        Programme(service.journal).cancel(identifier, author=user.name, at=service.now())
    except Refused as refusal:
        return _shown(request, status=409, event_fault=str(refusal))
    flash(request, "Événement annulé ; le journal en garde la trace.")
    return RedirectResponse("/evaluation/calendrier#t-evenements", 303)


def _lines(entries: Iterable[Entry]) -> list[Line]:
    return [Line(entry.site, entry.group, *_written(entry)) for entry in entries]


def _written(entry: Entry) -> tuple[str, str, str]:
    silent, on, off = (day.isoformat() if day else "" for day in entry.dates)
    return silent, on, off


def _read_lines(form: FormData) -> tuple[list[Line], tuple[Entry, ...]]:
    """Return the lines of the form with their faults, and the entries that the good ones make; a line emptied of its dates is taken out."""
    lines: list[Line] = []
    entries: list[Entry] = []
    for rank in range(len(csrf.texts(form, "ligne"))):
        site, group, silent, on, off = (csrf.text(form, f"{name}-{rank}", 80) for name in ("site", "groupe", *_STEPS))
        days = (silent, on, off)
        if not any(days):
            continue
        faults: list[str] = []
        try:
            entry = Entry(site, group, *(read_day(day, name) for day, name in zip(days, _WORDS, strict=True)))
            faults = [_in_french(problem) for problem in problems(entry)]
            faults += ["Ce site est déjà sur une autre ligne."] if any((one.site, one.group) == (site, group) for one in entries) else []
            entries.append(entry)
        except ValueError as error:
            faults.append(str(error))
        lines.append(Line(site, group, silent, on, off, tuple(faults)))
    return lines, tuple(entries)


_WORDS = ("Silencieux dès le", "En service dès le", "Éteint dès le")
_COLUMNS = {"silent_from": _WORDS[0], "on_from": _WORDS[1], "off_from": _WORDS[2], "group :": "Groupe :", "site :": "Site :"}


def _in_french(problem: str) -> str:
    for column, words in _COLUMNS.items():
        problem = problem.replace(column, f"« {words} »" if "_" in column else words)
    return problem


def _shown(request: Request, *, lines: Sequence[Line] | None = None, status: int = 200, **context: Any) -> HTMLResponse:
    service = service_of(request)
    programme = Programme(service.journal)
    in_force, versions, events = programme.calendar(), programme.versions(), programme.events()
    names = {site.id: site.name for site in service.register.sites()}
    today = service.now().astimezone(PARIS).date()
    spare = [Line(site=site) for site in names if (site, "") not in {(entry.site, entry.group) for entry in in_force.entries}]
    usual: dict[str, Any] = {
        "fault": "", "event_fault": "", "author": page_user(request, ROLE).name, "reason": "", "pasted": "", "misread": (), "written": {},
    }  # fmt: skip
    about = {
        "entries": [(entry, names.get(entry.site, entry.site), entry.mode(today)) for entry in in_force.entries],
        "lines": [*(lines if lines is not None else _lines(in_force.entries)), *spare, *[Line()] * SPARE_LINES],
        "versions": versions, "events": events, "names": names, "kinds": tuple(EventKind), "groups": len(in_force.groups),
        "drawing": drawn(in_force, events, names, today), "known_sites": sorted({*names, *(entry.site for entry in in_force.entries)}),
        "headings": _WORDS, "today": today,
    }  # fmt: skip
    return page(request, "evaluation/calendar.html", status=status, section="evaluation", **usual | about | context)


def drawn(calendar: Calendar, events: Sequence[Event], names: dict[str, str], today: date) -> Drawing | None:
    """Return the calendar as a drawing, None when it has no date; what happened more than a year before it or after it is not on it."""
    days = [day for entry in calendar.entries for day in entry.dates if day]
    if not days:
        return None
    noted = [event for event in events if min(*days, today) - _YEAR <= event.since <= max(*days, today) + _YEAR]
    marked = [*days, today, *(event.since for event in noted)]
    first, last = min(marked) - _MARGIN, max(marked) + _MARGIN
    per_day = _WIDTH / (last - first).days

    def place(day: date) -> float:
        return round(_LEFT + (day - first).days * per_day, 1)

    lines = []
    for rank, entry in enumerate(calendar.entries):
        name = names.get(entry.site, entry.site) + (f", {entry.group}" if entry.group else "")
        lines.append((name, float(_TOP + rank * _LINE), tuple(_bars(entry, last, place))))
    months = tuple((place(day), f"{day:%m/%y}") for day in _month_starts(first, last))
    marks = tuple((place(event.since), f"{event.kind.french}, {event.since:%d/%m/%Y} : {event.words}") for event in noted)
    return Drawing(_LEFT + _WIDTH + 10, _TOP + len(lines) * _LINE + 8, _LEFT, tuple(lines), months, marks, place(today))


def _bars(entry: Entry, last: date, place: Any) -> Iterable[Bar]:
    steps = [(day, mode) for day, mode in zip(entry.dates, (Mode.SILENT, Mode.ON, Mode.OFF), strict=True) if day]
    for (start, mode), end in zip(steps, [*(day for day, _ in steps[1:]), last], strict=True):
        if mode is not Mode.OFF:
            words = f"{mode.french} du {start:%d/%m/%Y}" + (f" au {end - timedelta(days=1):%d/%m/%Y}" if end != last else "")
            yield Bar(mode, place(start), round(place(end) - place(start), 1), words)


def _month_starts(first: date, last: date) -> Iterable[date]:
    months = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    inside = [day for day in months if first <= day <= last]
    return inside[:: max(1, len(inside) // 10)]
