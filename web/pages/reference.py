"""The guidelines, public: list, search, one sheet at a time, its versions and what changed between two of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.conditions import ConditionError
from pertimage.guidelines.edition import Edition, editions, read_edition
from pertimage.guidelines.schema import Modality
from pertimage.guidelines.words import fold
from pertimage.web.pages.french import typography
from pertimage.web.pages.policy import about_sheet
from pertimage.web.pages.revision import revision
from pertimage.web.pages.sheet_search import Filters, search
from pertimage.web.pages.sheet_view import STATES, VERDICTS, SheetShown, chapter_words, chapters, shown
from pertimage.web.pages.view import is_fragment, page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/referentiel", include_in_schema=False)
LONGEST_QUERY = 200
MODALITIES = {
    Modality.RADIOGRAPHY: "Radiographie", Modality.FLUOROSCOPY: "Radioscopie", Modality.MAMMOGRAPHY: "Mammographie", Modality.DENSITOMETRY: "Ostéodensitométrie",
    Modality.CT: "Scanner", Modality.MRI: "IRM", Modality.ULTRASOUND: "Échographie", Modality.SCINTIGRAPHY: "Scintigraphie",
    Modality.PET: "TEP", Modality.ANGIOGRAPHY: "Artériographie",
}  # fmt: skip


@router.get("", response_class=HTMLResponse)
def listing(request: Request, q: str = "", chapitre: str = "", examen: str = "", statut: str = "") -> HTMLResponse:
    """List the sheets by chapter, or those that a search and filters find."""
    base, query = service_of(request).base, q[:LONGEST_QUERY].strip()
    names = sorted({chapter_words(sheet.chapter) for sheet in base.sheets.values()}, key=fold)
    filters = Filters(
        chapitre if chapitre in names else "", examen if examen in base.catalogue.exams else "", statut if statut in STATES else ""
    )
    found = search(base, query, filters)
    context: dict[str, Any] = {
        "query": query, "filters": filters, "found": found, "about": list(chapters(found.about)), "positioning": list(chapters(found.positioning)),
        "total": len(base.sheets), "counts": Counter(STATES[sheet.state] for sheet in base.sheets.values()),
        "chapter_names": names,
        "exam_names": exams_by_technique(base), "state_names": STATES, "exams": len(base.catalogue.exams),
    }  # fmt: skip
    return page(request, "reference/results.html" if is_fragment(request) else "reference/list.html", section="referentiel", **context)


def exams_by_technique(base: GuidelineBase) -> dict[str, list[tuple[str, str]]]:
    """Return the exams that sheets position, by technique, in the order of the alphabet."""
    named = {exam: base.catalogue.exams[exam] for sheet in base.sheets.values() for exam in sheet.exams}
    groups: dict[str, list[tuple[str, str]]] = {words: [] for words in MODALITIES.values()}
    for exam in sorted(named.values(), key=lambda exam: fold(exam.label)):
        groups[MODALITIES[exam.modality]].append((exam.id, exam.label))
    return {words: exams for words, exams in groups.items() if exams}


@router.get("/{sheet}", response_class=HTMLResponse)
def one_sheet(request: Request, sheet: str) -> Response:
    """Show a sheet; each of its rules has a stable anchor, its id. One that left the base is shown in its last version."""
    service = service_of(request)
    current = editions(service.base).get(sheet)
    if current is not None:
        return _sheet_page(request, shown(current), local=about_sheet(sheet, service))
    kept = service.register.editions(sheet)
    if not kept:
        raise HTTPException(404)
    return RedirectResponse(f"/referentiel/{sheet}/versions/{kept[0].digest}", 302)


def _sheet_page(request: Request, sheet: SheetShown, **about: Any) -> HTMLResponse:
    context = {"shown": sheet, "verdicts": VERDICTS, "typo": typography, "served": None, "local": (), **about}
    return page(request, "reference/sheet.html", section="referentiel", **context)


@router.get("/{sheet}/versions", response_class=HTMLResponse)
def versions(request: Request, sheet: str, avant: str = "", apres: str = "") -> HTMLResponse:
    """List the versions of a sheet and, between two of them, say in French what changes; by default between the last two."""
    service = service_of(request)
    current, kept = editions(service.base).get(sheet), service.register.editions(sheet)
    if current is None and not kept:
        raise HTTPException(404)
    now = current.digest if current else kept[0].digest
    digests = list(dict.fromkeys((now, *(row.digest for row in kept))))
    after = apres or now
    before = avant or _preceding(after, digests)
    context: dict[str, Any] = {
        "sheet": sheet,
        "title": _title(service, sheet),
        "kept": kept,
        "now": now if current else "",
        "before": before,
        "after": after,
    }
    if before:
        pair = [_readable(service, sheet, digest) for digest in (before, after)]
        context |= {"parts": revision(pair[0], pair[1])}
    return page(request, "reference/versions.html", section="referentiel", **context)


def _preceding(digest: str, digests: list[str]) -> str:
    """Return the version served before one; empty when it is the first."""
    following = digests[digests.index(digest) + 1 :] if digest in digests else []
    return following[0] if following else ""


def _title(service: Service, sheet: str) -> str:
    current = editions(service.base).get(sheet)
    if current is not None:
        return current.form.title
    kept = service.register.edition(sheet, service.register.editions(sheet)[0].digest)
    return str(kept["title"]) if kept else sheet


@router.get("/{sheet}/versions/{digest}", response_class=HTMLResponse)
def one_version(request: Request, sheet: str, digest: str) -> Response:
    """Show a sheet as it was in a version; its JSON when this program no longer reads it."""
    service = service_of(request)
    try:
        read = shown(_edition(service, sheet, digest))
    except (ConditionError, ValidationError, KeyError):
        return RedirectResponse(f"/referentiel/{sheet}/versions/{digest}.json", 302)
    current = editions(service.base).get(sheet)
    served = next((row for row in service.register.editions(sheet) if row.digest == digest), None)
    return _sheet_page(request, read, served=served, former=current is None or current.digest != digest)


def _readable(service: Service, sheet: str, digest: str) -> SheetShown:
    try:
        return shown(_edition(service, sheet, digest))
    except (ConditionError, ValidationError, KeyError):
        raise HTTPException(409, "Cette version a été écrite sous une forme que le service ne sait plus comparer.") from None


def _edition(service: Service, sheet: str, digest: str) -> Edition:
    """Return a version of a sheet, from the base when it is today's, from the journal otherwise; 404 when there is none."""
    current = editions(service.base).get(sheet)
    if current is not None and current.digest == digest:
        return current
    kept = service.register.edition(sheet, digest)
    if kept is None:
        raise HTTPException(404)
    return read_edition(kept)
