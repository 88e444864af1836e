"""``pertimage replay``: judge the requests of a past period with today's guidelines or a draft of them, before going live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pertimage.web.committee_cli import AsJson, Requests, base_of, past_of, read_all, tell
from pertimage.web.guidelines_cli import err

if TYPE_CHECKING:
    from pertimage.web.replay import Given

_DAY = ["%Y-%m-%d", "%d/%m/%Y"]


def replay(
    files: Requests = None,
    database: Annotated[
        str | None, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Base de données dont rejouer les demandes.")
    ] = None,
    draft: Annotated[
        Path | None, typer.Option("--brouillon", help="Dossier (ou archive) d'un référentiel en projet ; sinon, celui d'aujourd'hui.")
    ] = None,
    since: Annotated[datetime | None, typer.Option("--depuis", formats=_DAY, help="Premier jour des demandes à rejouer.")] = None,
    until: Annotated[datetime | None, typer.Option("--jusqu-a", formats=_DAY, help="Dernier jour.")] = None,
    site: Annotated[str, typer.Option("--site", help="Les demandes d'un seul site (avec --database).")] = "",
    as_json: AsJson = False,
) -> None:
    """Dire ce que le service répondrait aux demandes d'une période passée : avis, signalements, urgences, et ce qui diffère de l'époque."""
    from pertimage.web.replay import Replay

    if not files and not database:
        _stop("Donnez des fichiers de demandes ou --database.")
    if since and until and until < since:
        _stop("--jusqu-a précède --depuis.")
    found = Replay(base_of(draft))
    first, last = since.date() if since else None, until.date() if until else None
    failed = 0
    for given in _of_files(files, first, last) if files else _of_store(str(database), first, last, site):
        if given is None:
            failed += 1
        else:
            found.add(given)
    if not found.requests:
        _stop("Aucune demande dans cette période.")
    tell(found.to_json() if as_json else found.report())
    if failed:
        raise typer.Exit(1)


def _of_files(files: list[Path], first: date | None, last: date | None) -> Iterator[Given | None]:
    """Yield the requests of files, None for one that cannot be read (it was said); one without a day is left out of a period."""
    from pertimage.web.replay import Given

    for read in read_all(files):
        if read.error:
            yield None
        for request in read.requests:
            day = request.authored
            if (first is None and last is None) or (day is not None and (first or day) <= day <= (last or day)):
                yield Given(request, day)


def _of_store(database: str, first: date | None, last: date | None, site: str) -> Iterator[Given]:
    from pertimage.web.replay import Given

    for past in past_of(database, first, until=last, site=site):
        yield Given(past.request, past.request.authored or past.day, past.policy, past.territory, past.answers)


def _stop(why: str) -> None:
    err.print(why, markup=False)
    raise typer.Exit(2)
