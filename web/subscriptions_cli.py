"""The command line of subscriptions: what programs asked to be told of, and stopping one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from pertimage.web.policy_cli import USUAL, Database, open_register

app = typer.Typer(help="Les abonnements des logiciels aux réponses des radiologues.", no_args_is_help=True)
out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


@app.command("list")
def list_all(database: Database = USUAL) -> None:
    """Montrer les abonnements qui ne sont pas arrêtés : où, combien d'événements, et ce qui ne va pas."""
    from pertimage.audit.subscriptions import Subscriptions

    with open_register(database, existing=True) as register:
        found = Subscriptions(register.journal)
        lines = [(one, found.channel(one.id)) for one in found.alive()]
    for one, channel in lines:
        fault = f" — {channel.error}, {channel.tries} essais" if channel.error else ""
        out.print(f"{one.id} : {one.status}, {one.events} événements, {one.document['channel']['endpoint']}{fault}", markup=False)
    if not lines:
        err.print("Aucun abonnement.", markup=False)


@app.command()
def off(
    name: Annotated[str, typer.Argument(help="L'identifiant, que « list » montre.")],
    reason: Annotated[str, typer.Option("--motif", help="Pourquoi.")],
    database: Database = USUAL,
) -> None:
    """Arrêter un abonnement ; son secret est oublié, et le logiciel le lit arrêté."""
    from pertimage.audit.review import Refused
    from pertimage.audit.subscriptions import Status, Subscriptions

    with open_register(database, existing=True) as register:
        try:
            Subscriptions(register.journal).mark(name, Status.OFF, why=reason, at=datetime.now(UTC))
        except Refused as refusal:
            err.print(str(refusal), markup=False)
            raise typer.Exit(1) from None
    out.print("Abonnement arrêté.", markup=False)
