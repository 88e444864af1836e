"""The guidelines, public: list, search, one sheet at a time."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from pertimage.cds.assess import assess
from pertimage.cds.model import ImagingRequest, Status, TextPart
from pertimage.guidelines.base import GuidelineBase, Sheet
from pertimage.guidelines.words import STOP_WORDS, fold, stem
from pertimage.web.pages.french import typography
from pertimage.web.pages.sheet_view import STATES, VERDICTS, chapters, shown
from pertimage.web.pages.view import is_fragment, page, service_of

router = APIRouter(prefix="/referentiel", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A sheet and the words by which a search finds it."""

    sheet: Sheet
    words: frozenset[str]


@router.get("", response_class=HTMLResponse)
def listing(request: Request, q: str = "") -> HTMLResponse:
    """List the sheets by chapter, or those that a search finds."""
    base = service_of(request).base
    found = search(base, q[:200])
    counts = Counter(STATES[sheet.state] for sheet in base.sheets.values())
    context: dict[str, Any] = {
        "query": q[:200],
        "chapters": list(chapters(found)),
        "found": len(found),
        "total": len(base.sheets),
        "counts": counts,
    }
    name = "reference/results.html" if is_fragment(request) else "reference/list.html"
    return page(request, name, section="referentiel", exams=len(base.catalogue.exams), states=STATES, **context)


@router.get("/{sheet}", response_class=HTMLResponse)
def one_sheet(request: Request, sheet: str) -> HTMLResponse:
    """Show a sheet; each of its rules has a stable anchor, its id."""
    base = service_of(request).base
    if sheet not in base.sheets:
        raise HTTPException(404)
    return page(
        request, "reference/sheet.html", section="referentiel", shown=shown(base.sheets[sheet], base), verdicts=VERDICTS, typo=typography
    )


def search(base: GuidelineBase, query: str) -> list[Sheet]:
    """Return the sheets that hold every word of the query (or a word that begins with it), or that it would open as a request."""
    wanted = _stems(query, base)
    meant = _meant(query, base) if wanted else frozenset()
    return [entry.sheet for entry in _entries(base) if entry.sheet.trigger_facts & meant or _holds(entry, wanted)]


def _holds(entry: Entry, wanted: set[str]) -> bool:
    return all(any(word.startswith(part) for word in entry.words) for part in wanted)


def _meant(query: str, base: GuidelineBase) -> frozenset[str]:
    """Return the facts that the query names in a prescriber's words: « lumbago » is « lombalgie »."""
    request = ImagingRequest("recherche", texts=(TextPart("recherche", unicodedata.normalize("NFC", query)),))
    return frozenset(fact.fact for one in assess(request, base) for fact in one.facts if fact.status is Status.PRESENT)


@lru_cache(maxsize=2)
def _entries(base: GuidelineBase) -> tuple[Entry, ...]:
    return tuple(Entry(sheet, frozenset(_words(sheet, base))) for sheet in base.sheets.values())


def _words(sheet: Sheet, base: GuidelineBase) -> set[str]:
    form = sheet.form
    texts = [sheet.title, sheet.id.replace("-", " "), *form.triggers.terms, *form.triggers.icd10, *form.triggers.icpc2]
    texts += [base.lexicon.facts[fact].label for fact in form.triggers.facts if fact in base.lexicon.facts]
    texts += [word for exam in sheet.exams for word in (base.catalogue.exams[exam].label, *base.catalogue.exams[exam].names)]
    return {part for text in texts for part in _stems(text, base)}


def _stems(text: str, base: GuidelineBase) -> set[str]:
    words = "".join(mark if mark.isalnum() else " " for mark in fold(unicodedata.normalize("NFC", text)).replace(".", "")).split()
    full = base.lexicon.abbreviations
    return {stem(part) for word in words if word not in STOP_WORDS for part in fold(full.get(word, word)).split()}
