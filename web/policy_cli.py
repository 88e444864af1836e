"""The command line of a project's policy: check a text, put it in force, show what is in force."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:  # reading the base takes a moment that --help need not wait
    from pertimage.audit.register import Register
    from pertimage.guidelines.policy import PolicyForm

app = typer.Typer(help="Vérifier, mettre en vigueur et montrer la politique locale d'un projet.", no_args_is_help=True)
out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
Database = Annotated[str, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Chemin SQLite, ou sqlite:///… ou postgresql://…")]
Written = Annotated[Path, typer.Argument(help="Fichier YAML de la politique.")]
USUAL = "sqlite:///var/pertimage.db"


@app.command()
def check(file: Written) -> None:
    """Vérifier une politique sans rien changer ; chaque défaut nomme sa ligne."""
    form, _ = _read(file)
    out.print(f"{file} : politique correcte, empreinte {form.digest}", markup=False)


@app.command("apply")
def put_in_force(
    file: Written,
    author: Annotated[str, typer.Option("--author", "--auteur", help="Qui la met en vigueur (par défaut, le compte du système).")] = "",
    reason: Annotated[str, typer.Option("--reason", "--motif", help="Pourquoi.")] = "mise en vigueur en ligne de commande",
    database: Database = USUAL,
) -> None:
    """Mettre une politique en vigueur ; une politique fautive est refusée et celle en vigueur demeure."""
    form, text = _read(file)
    with open_register(database) as register:
        known = register.policy()
        if known and known.digest == form.digest:
            out.print(f"Déjà en vigueur : empreinte {form.digest}", markup=False)
            return
        who = author.strip() or getpass.getuser()
        register.put_in_force(form, text, author=who, reason=reason, at=datetime.now(UTC), after=known.seq if known else 0)
    out.print(f"En vigueur : empreinte {form.digest}, par {who}", markup=False)


@app.command()
def show(
    digest: Annotated[str, typer.Argument(help="Début de l'empreinte d'une politique passée (par défaut, celle en vigueur).")] = "",
    database: Database = USUAL,
) -> None:
    """Montrer la politique en vigueur, ou une politique passée ; le texte va sur la sortie, le reste sur la sortie d'erreur."""
    with open_register(database, existing=True) as register:
        row = register.policy(digest)
    if row is None:
        err.print(
            "Aucune politique ne porte cette empreinte." if digest else "Aucune politique : le service juge avec ses réglages.",
            markup=False,
        )
        raise typer.Exit(1 if digest else 0)
    err.print(f"empreinte {row.digest}\nmise en vigueur le {row.at} par {row.author} : {row.reason}", markup=False)
    typer.echo(row.text, nl=not row.text.endswith("\n"))


def _read(file: Path) -> tuple[PolicyForm, str]:
    """Return the policy of a file and its text; says every fault and stops on one that cannot be used."""
    from pertimage.guidelines.loader import load_base
    from pertimage.guidelines.policy import read_policy

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        err.print(f"{file} : fichier illisible : {getattr(error, 'strerror', None) or 'UTF-8 attendu'}", markup=False)
        raise typer.Exit(2) from None
    form, faults = read_policy(text, load_base(), str(file))
    for fault in faults:
        err.print(str(fault), markup=False)
    if form is None:
        raise typer.Exit(1)
    return form, text


@contextmanager
def open_register(database: str, *, existing: bool = False) -> Iterator[Register]:
    """Open the register of a database for a command; with ``existing`` a database that is not there ends the command."""
    from sqlalchemy.exc import OperationalError

    from pertimage.audit.journal import Journal
    from pertimage.audit.register import Register
    from pertimage.audit.store import open_store
    from pertimage.web.settings import Settings

    settings = Settings(demo=True, database=database)
    target = settings.database_url
    if existing and target.startswith("sqlite:///") and not Path(target.removeprefix("sqlite:///")).exists():
        err.print(f"base introuvable : {target.removeprefix('sqlite:///')}", markup=False)
        raise typer.Exit(2)
    settings.prepare()
    try:
        store = open_store(target)
    except OperationalError:
        err.print("base injoignable : vérifiez son adresse (PERTIMAGE_DATABASE) et qu'elle est en marche.", markup=False)
        raise typer.Exit(2) from None
    journal = Journal(store)
    try:
        yield Register(journal)
    finally:
        journal.close()
        store.close()
