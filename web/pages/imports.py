"""Importing activity by the page: a file is sent, its columns are looked at and put right, it is imported, its quality is told."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData, UploadFile

from pertimage.audit.disclosure import SMALL, shown
from pertimage.audit.imports.columns import Field, vocabulary
from pertimage.audit.imports.history import known_sites, past_imports, save_mapping, saved_mapping
from pertimage.audit.imports.lines import CANCELLED
from pertimage.audit.imports.mapping import FileMapping, mapping_of
from pertimage.audit.imports.refusal import FileRefused
from pertimage.audit.imports.rejects import Rejects
from pertimage.audit.imports.run import Importer
from pertimage.audit.imports.wording import RULE, MappedColumn, mapped_columns, number, told_quality
from pertimage.audit.store import utc_datetime
from pertimage.web.access import page_user
from pertimage.web.import_workspace import DONE, FAILED, READY, RUNNING, STOPPED, Work, Workspace
from pertimage.web.importing import Planned, plan, tables_of
from pertimage.web.pages import csrf
from pertimage.web.pages.csrf import checked_form, checked_upload
from pertimage.web.pages.evaluation import ROLE
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/evaluation/import", include_in_schema=False)

BATCH = 2_000  # exams per record: prescribers wait for the journal less than for the big batches of the command line
GONE = "Cet import n'est plus là : il a été supprimé ou a dépassé sa durée de conservation."
_REFRESH = {"Refresh": "2"}
_STEM = "colonne-"


def workspace(service: Service) -> Workspace:
    """Return where the files being imported are."""
    return Workspace(Path(service.settings.imports), service.settings.import_hours)


@router.get("", response_class=HTMLResponse)
def imports(request: Request) -> HTMLResponse:
    """Show what can be sent, the imports under way and those that were made."""
    page_user(request, ROLE)
    return _list(request)


@router.post("", response_model=None)
def sent(request: Request, form: FormData = Depends(checked_upload)) -> Response:
    """Keep a file and show how it is read; a file that cannot be is refused and not kept."""
    user, service = page_user(request, ROLE), service_of(request)
    file, site, sheet = form.get("fichier"), csrf.text(form, "site", 60), csrf.text(form, "feuille", 60)
    if not isinstance(file, UploadFile) or not file.filename:
        return _list(request, "Choisissez un fichier.", 422)
    space = workspace(service)
    work = space.receive(file.file, file.filename, author=user.name, site=site, sheet=sheet)
    try:
        _planned(service, space, work)
    except FileRefused as refusal:
        space.discard(work)
        return _list(request, str(refusal), 422)
    return RedirectResponse(f"/evaluation/import/{work.id}", 303)


@router.get("/rapport/{seq}", response_class=HTMLResponse)
def past(request: Request, seq: int) -> HTMLResponse:
    """Show the quality report of an import that was made."""
    page_user(request, ROLE)
    found = next((one for one in past_imports(service_of(request).register, 500) if one.seq == seq), None)
    if found is None:
        raise HTTPException(404)
    parts = list(told_quality(found.report, vocabulary(), _masked))
    return page(
        request,
        "imports/past.html",
        section="evaluation",
        one=found,
        at=utc_datetime(found.at),
        parts=parts,
        small=SMALL,
        number=number,
        rule=RULE,
    )


@router.get("/{identity}", response_class=HTMLResponse)
def one(request: Request, identity: str) -> HTMLResponse:
    """Show where an import stands: its columns to look at, its progress, or what it did."""
    page_user(request, ROLE)
    return _shown(request, _found(service_of(request), identity))


@router.post("/{identity}/correspondance", response_model=None)
def corrected(request: Request, identity: str, form: FormData = Depends(checked_form)) -> Response:
    """Take the columns as they were put right; with « garder », for the next exports of the site too."""
    user, service = page_user(request, ROLE), service_of(request)
    work = _found(service, identity)
    try:
        space = workspace(service)
        (planned, *_) = _planned(service, space, work)
        mapping = _from_form(form, planned)
        work = replace(work, mapping=mapping.document(), site=mapping.site)
        mapping.checked()
        if csrf.text(form, "garder"):
            save_mapping(service.register, mapping, author=user.name, pseudonyms=service.pseudonyms, at=service.now())
    except FileRefused as refusal:
        return _shown(request, work, str(refusal), 422)
    space.keep(work)
    flash(request, "Correspondance enregistrée pour les prochains exports." if csrf.text(form, "garder") else "Correspondance modifiée.")
    return RedirectResponse(f"/evaluation/import/{work.id}", 303)


@router.post("/{identity}/lancer", response_model=None)
def launched(request: Request, identity: str, form: FormData = Depends(checked_form)) -> Response:
    """Start the import, or start it again where it was stopped."""
    user, service = page_user(request, ROLE), service_of(request)
    space, work = workspace(service), _found(service, identity)
    try:
        planned = [one.checked() for one in _planned(service, space, work)]
    except FileRefused as refusal:
        return _shown(request, work, str(refusal), 422)
    started = space.begin(work)
    if started is not None:
        Thread(target=_run, args=(service, space, started, planned, user.name), name="import", daemon=True).start()
    return RedirectResponse(f"/evaluation/import/{work.id}", 303)


@router.get("/{identity}/rejets.csv")
def rejects(request: Request, identity: str) -> Response:
    """Send the rejected lines, while the import is there."""
    return _file(request, identity, "rejets.csv", "text/csv; charset=utf-8")


@router.get("/{identity}/rapport.json")
def report(request: Request, identity: str) -> Response:
    """Send the quality report with the labels not recognised, while the import is there."""
    return _file(request, identity, "rapport.json", "application/json")


@router.post("/{identity}/supprimer", response_model=None)
def discarded(request: Request, identity: str, form: FormData = Depends(checked_form)) -> Response:
    """Destroy the file that was sent and its rejected lines; what was imported stays."""
    page_user(request, ROLE)
    service = service_of(request)
    work = _found(service, identity)
    if work.stands == RUNNING:
        raise HTTPException(409, "Cet import est en cours : attendez sa fin.")
    workspace(service).discard(work)
    flash(request, "Fichier et lignes rejetées détruits. Ce qui était importé demeure.")
    return RedirectResponse("/evaluation/import", 303)


def _file(request: Request, identity: str, name: str, media: str) -> Response:
    page_user(request, ROLE)
    service = service_of(request)
    path = workspace(service).path(_found(service, identity), name)
    if not path.exists():
        raise HTTPException(404)
    return Response(path.read_bytes(), media_type=media, headers={"Content-Disposition": f'attachment; filename="pertimage-{name}"'})


def _found(service: Service, identity: str) -> Work:
    work = workspace(service).find(identity)
    if work is None:
        raise HTTPException(404, GONE)
    return work


def _planned(service: Service, space: Workspace, work: Work) -> list[Planned]:
    """Return how the tables of a file are read: as put right, as saved for the site, or as guessed. Raises FileRefused."""
    given = mapping_of(work.mapping) if work.mapping else None
    saved = saved_mapping(service.register, work.site)
    tables = tables_of(space.path(work, "export"), work.name, work.sheet)
    return [plan(table, work.site, given, [saved] if saved else []) for table in tables]


def _from_form(form: FormData, planned: Planned) -> FileMapping:
    headers: dict[Field, str] = {}
    for place, header in enumerate(planned.table.columns):
        chosen = csrf.text(form, f"{_STEM}{place}", 40)
        if not chosen:
            continue
        if chosen not in set(Field):
            raise FileRefused(f"« {chosen} » n'est pas un champ connu")
        if Field(chosen) in headers:
            raise FileRefused(
                f"« {vocabulary().labels[Field(chosen)]} » est donné à deux colonnes : « {headers[Field(chosen)]} » et « {header} »"
            )
        headers[Field(chosen)] = header
    order = {"jour-mois": False, "mois-jour": True}.get(csrf.text(form, "dates", 20))
    return replace(planned.mapping, headers=headers, site=csrf.text(form, "site", 60), month_first=order)


def _run(service: Service, space: Workspace, work: Work, planned: list[Planned], author: str) -> None:
    whole = max(1, sum(one.table.size for one in planned))
    state = work

    def progress(read: int, lines: int) -> None:
        nonlocal state
        if time.time() - state.told > 1:
            state = space.keep(replace(state, share=min(1.0, read / whole), lines=lines, told=time.time()))

    importer = Importer(
        service.register, service.base.catalogue, service.pseudonyms, author, service.now(), fictitious=service.settings.demo, batch=BATCH
    )
    try:
        with Rejects(space.path(work, "rejets.csv")) as rejected:
            done, found = importer.run([(one.table, one.mapping) for one in planned], rejected, progress)
        space.path(work, "rapport.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        lost = sum(count for reason, count in found["rejected"].items() if reason != CANCELLED)
        counts = {
            "lignes": found["lines"],
            "ajoutés": done.added,
            "mis à jour": done.updated,
            "inchangés": done.unchanged,
            "rejetées": lost,
        }
        space.keep(replace(state, status=DONE, share=1.0, lines=found["lines"], counts=counts))
    except FileRefused as refusal:
        space.keep(replace(state, status=FAILED, why=str(refusal)))
    except Exception as failure:  # whatever broke, the page says so and the work can be started again
        space.keep(
            replace(
                state,
                status=FAILED,
                why=f"Erreur interne ({type(failure).__name__}). Ce qui était enregistré le reste ; relancez l'import.",
            )
        )


def _list(request: Request, fault: str = "", status: int = 200) -> HTMLResponse:
    service = service_of(request)
    made = [(one, utc_datetime(one.at)) for one in past_imports(service.register)]
    under_way = [(one, utc_datetime(one.at)) for one in workspace(service).all()]
    about: dict[str, Any] = {
        "fault": fault,
        "made": made,
        "under_way": under_way,
        "sites": sorted(known_sites(service.register), key=lambda site: site[1]),
    }
    size = service.settings.max_import >> 20
    return page(
        request,
        "imports/page.html",
        status=status,
        section="evaluation",
        most=size,
        hours=service.settings.import_hours,
        number=number,
        **about,
    )


def _shown(request: Request, work: Work, fault: str = "", status: int = 200) -> HTMLResponse:
    service = service_of(request)
    about: dict[str, Any] = {
        "work": work,
        "fault": fault,
        "labels": vocabulary().labels,
        "small": SMALL,
        "number": number,
        "stem": _STEM,
        "rule": RULE,
    }
    about |= {
        "ready": READY,
        "running": RUNNING,
        "done": DONE,
        "failed": FAILED,
        "stopped": STOPPED,
        "hours": service.settings.import_hours,
    }
    headers = _REFRESH if work.stands == RUNNING else None
    if work.stands == DONE:
        found: dict[str, Any] = orjson.loads(workspace(service).path(work, "rapport.json").read_bytes())
        found["unknown"] = [one for one in found["unknown"] if one["lines"] > SMALL]
        return page(
            request,
            "imports/one.html",
            section="evaluation",
            status=status,
            parts=list(told_quality(found, vocabulary(), _masked)),
            **about,
        )
    if work.stands == RUNNING:
        return page(request, "imports/one.html", section="evaluation", status=status, headers=headers, **about)
    try:
        planned = _planned(service, workspace(service), work)
        columns: list[MappedColumn] = mapped_columns(planned[0].table, planned[0].mapping, planned[0].guesses, vocabulary())
    except FileRefused as refusal:
        return page(request, "imports/one.html", section="evaluation", status=422, **about | {"fault": str(refusal)})
    sites = sorted(known_sites(service.register), key=lambda site: site[1])
    return page(
        request, "imports/one.html", section="evaluation", status=status, planned=planned[0], tables=[one.table for one in planned], columns=columns, sites=sites,
        **about,
    )  # fmt: skip


def _masked(count: int) -> str:
    """Return a count as the page shows it: small ones hidden."""
    return shown(count) if count <= SMALL else number(count)
