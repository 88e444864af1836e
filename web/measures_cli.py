"""``pertimage measures``: the indicators written as files, for another information system."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import orjson
import typer
from rich.console import Console

if TYPE_CHECKING:  # reading the base takes a moment that the other commands need not wait
    from pertimage.guidelines.indicator_forms import Cadence
    from pertimage.guidelines.indicators import Indicator
    from pertimage.web.service import Service

err = Console(stderr=True, soft_wrap=True, highlight=False)


def measures(
    fhir: Annotated[
        Path | None, typer.Option("--fhir", file_okay=False, help="Dossier où écrire Measure et MeasureReport, un fichier JSON chacun.")
    ] = None,
    table: Annotated[Path | None, typer.Option("--csv", file_okay=False, help="Dossier où écrire un fichier CSV par indicateur.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--indicateur", help="Identifiant d'un indicateur ; à répéter. Tous par défaut.")
    ] = None,
    period: Annotated[str, typer.Option("--periode", help="2026-10, 2026-T3 ou 2026 ; toutes les périodes par défaut.")] = "",
    database: Annotated[str | None, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Base de données.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Base de démonstration.")] = False,
) -> None:
    """Écrire les indicateurs : ressources FHIR R4 (Measure, MeasureReport) ou CSV ; les petits effectifs sont masqués."""
    from pertimage.guidelines.indicator_forms import Cadence
    from pertimage.guidelines.indicators import load_indicators
    from pertimage.web.service import Service
    from pertimage.web.settings import Settings, UnsafeSettingsError

    known = load_indicators()
    if period and not any(_is_label(period, cadence) for cadence in Cadence):
        _stop(f"période illisible « {period} » : écrire 2026-10, 2026-T3 ou 2026")
    if unknown := [name for name in only or () if name not in known]:
        _stop(f"indicateur inconnu : {', '.join(unknown)} ; la liste est dans docs/indicateurs.md")
    if fhir is None and table is None:
        _stop("dire quoi écrire : --fhir DOSSIER, --csv DOSSIER ou les deux")
    given: dict[str, object] = ({"demo": True} if demo else {}) | ({"database": database} if database else {})
    try:
        service = Service(Settings(**given).checked())  # type: ignore[arg-type]
    except UnsafeSettingsError as error:
        _stop(str(error))
    try:
        wanted = [known[name] for name in only or known]
        count = sum(_written(service, one, fhir, table, period) for one in wanted)
    except OSError as error:
        _stop(f"{error.filename} : impossible d'écrire ({error.strerror})", code=1)
    finally:
        service.close()
    typer.echo(
        f"{len(wanted)} indicateur{'s' if len(wanted) > 1 else ''}, {count} fichier{'s' if count > 1 else ''} écrit{'s' if count > 1 else ''}."
    )


def _written(service: Service, indicator: Indicator, fhir: Path | None, table: Path | None, period: str) -> int:
    from pertimage.guidelines.indicator_forms import Split
    from pertimage.web.indicator_readings import reading
    from pertimage.web.measure_reports import reports, writer
    from pertimage.web.pages.indicators import csv_rows

    count = 0
    if fhir is not None:
        fhir.mkdir(parents=True, exist_ok=True)
        made = writer(service)
        resources = [
            made.measure(indicator),
            *(made.report(indicator, told, service.now()) for told in reports(service, indicator, period)),
        ]
        for one in resources:
            (fhir / f"{one['resourceType']}-{one['id']}.json").write_bytes(orjson.dumps(one, option=orjson.OPT_INDENT_2))
        count += len(resources)
    if table is not None:
        table.mkdir(parents=True, exist_ok=True)
        found = reading(service, indicator, (Split.SITE,) if Split.SITE in indicator.splits else ())
        with (table / f"{indicator.id}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter=";").writerows(csv_rows(found, fictitious=service.settings.demo))
        count += 1
    return count


def _is_label(period: str, cadence: Cadence) -> bool:
    from pertimage.audit.periods import Period

    try:
        return bool(Period.named(period, cadence))
    except ValueError:
        return False


def _stop(why: str, code: int = 2) -> NoReturn:
    err.print(why, markup=False)
    raise typer.Exit(code)
