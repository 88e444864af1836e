"""The ``pertimage`` command. Exit code 0 only when everything asked was done."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pertimage.web import (
    calendar_cli,
    committee_cli,
    evaluate_cli,
    extract_cli,
    import_cli,
    measures_cli,
    notify_cli,
    people_cli,
    policy_cli,
    practice_cli,
    replay_cli,
    sites_cli,
    subscriptions_cli,
)

app = typer.Typer(help="Pertinence des demandes d'imagerie.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
audit_app = typer.Typer(help="Vérifier le journal.", no_args_is_help=True)
err = Console(stderr=True, soft_wrap=True, highlight=False)

Database = Annotated[str, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Chemin SQLite, ou sqlite:///… ou postgresql://…")]


@app.command()
def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Démonstration : données fictives, sans authentification.")] = False,
    host: Annotated[str, typer.Option(help="Adresse d'écoute.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="Port d'écoute.")] = 8000,
    database: Annotated[str | None, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Base de données.")] = None,
) -> None:
    """Servir les pages, les services CDS Hooks et l'API FHIR."""
    import uvicorn

    from pertimage.web.app import create_app
    from pertimage.web.settings import Settings, UnsafeSettingsError

    chosen: dict[str, object] = {"demo": True} if demo else {}
    chosen["database"] = database or ("sqlite:///var/demo.db" if demo else Settings().database)
    if "PERTIMAGE_BASE_URL" not in os.environ:
        chosen["base_url"] = f"http://{host}:{port}"
    try:
        application = create_app(Settings(**chosen))  # type: ignore[arg-type]
    except UnsafeSettingsError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(2) from None
    # Live pages keep a stream open: stopping does not wait for the browsers to leave.
    uvicorn.run(application, host=host, port=port, access_log=False, log_level="warning", server_header=False, timeout_graceful_shutdown=5)


@app.command()
def assess(
    files: Annotated[
        list[Path],
        typer.Argument(help="Fichiers NDJSON (ServiceRequest, Bundle, appel CDS Hooks), CDA ou HL7 v2 ; « - » pour l'entrée standard."),
    ],
    on: Annotated[datetime | None, typer.Option("--jour", formats=["%Y-%m-%d"], help="Juger selon les règles de ce jour.")] = None,
) -> None:
    """Évaluer des demandes : une ligne NDJSON par examen demandé ; les lignes illisibles vont sur la sortie d'erreur."""
    from pertimage.cds.assess import assess as judge
    from pertimage.guidelines.loader import load_base
    from pertimage.web.batch import read_file

    base, today, day = load_base(), datetime.now(UTC).date(), on.date() if on else None
    failed = 0
    with _progress(files) as progress:
        out = sys.stdout.buffer
        for path in files:
            try:
                with _opened(path) as stream:
                    for read in read_file(stream, str(path), today):
                        failed += _say(read.file, read.line, read.error)
                        for request in read.requests:
                            out.writelines(
                                orjson.dumps(one.to_json(), option=orjson.OPT_APPEND_NEWLINE) for one in judge(request, base, on=day)
                            )
                        progress(read.size)
            except OSError as error:
                failed += _say(str(path), 0, f"fichier illisible : {error.strerror}")
        out.flush()
    if failed:
        raise typer.Exit(1)


def _say(file: str, line: int, error: str) -> int:
    if error:
        err.print(f"{file}:{line} : {error}" if line else f"{file} : {error}", markup=False)
    return bool(error)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdin.buffer
    else:
        with path.open("rb") as stream:
            yield stream


@contextlib.contextmanager
def _progress(files: list[Path]) -> Iterator[Callable[[int], None]]:
    """Yield a function that counts bytes done, drawn as a bar when the error output is a terminal."""
    total = sum(path.stat().st_size for path in files if path.is_file())
    if not err.is_terminal or not total:
        yield lambda size: None
        return
    with Progress(
        TextColumn("Évaluation"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(), console=err
    ) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)


@app.command()
def demo(
    database: Database = "var/demo.db",
    on: Annotated[
        datetime | None, typer.Option("--jour", formats=["%Y-%m-%d"], help="Dernier jour des données (aujourd'hui par défaut).")
    ] = None,
) -> None:
    """Fabriquer 18 mois d'activité fictive pour six sites."""
    from pertimage.web.demo import RealDataError, populate
    from pertimage.web.service import Service
    from pertimage.web.settings import Settings

    last: date = on.date() if on else datetime.now(UTC).date()
    service = Service(Settings(demo=True, database=database))
    try:
        made = populate(service, last)
    except RealDataError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(1) from None
    finally:
        service.close()
    typer.echo(f"Données fictives dans {database} : {made}")


@audit_app.command()
def verify(database: Database = "sqlite:///var/pertimage.db") -> None:
    """Relire toute la chaîne du journal : rien d'altéré, retiré, déplacé ou inséré."""
    from pertimage.audit.store import open_store
    from pertimage.audit.verification import verify as check
    from pertimage.web.settings import Settings

    target = Settings(demo=True, database=database).database_url
    if target.startswith("sqlite:///") and not Path(target.removeprefix("sqlite:///")).exists():
        err.print(f"base introuvable : {target.removeprefix('sqlite:///')}", markup=False)
        raise typer.Exit(2)
    store = open_store(target, migrate=False)
    try:
        faults = check(store.reader)
    finally:
        store.close()
    for fault in faults:
        err.print(fault.message, markup=False)
    typer.echo("Journal intact." if not faults else f"Journal altéré : {len(faults)} anomalie(s).")
    if faults:
        raise typer.Exit(1)


app.command()(people_cli.succession)
app.command()(notify_cli.notify)
app.command()(extract_cli.extract)
app.command()(import_cli.import_activity)
app.command()(evaluate_cli.evaluate)
app.command()(replay_cli.replay)
app.command()(measures_cli.measures)
app.add_typer(committee_cli.app, name="guidelines")
app.add_typer(policy_cli.app, name="policy")
app.add_typer(sites_cli.app, name="sites")
app.add_typer(calendar_cli.app, name="calendar")
app.add_typer(subscriptions_cli.app, name="subscriptions")
app.add_typer(audit_app, name="audit")
app.add_typer(practice_cli.app, name="bilan")


def main() -> None:
    """Run the command line."""
    app()
