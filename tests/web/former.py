"""A sheet as it could have been before: what the tests of versions share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pertimage.guidelines.edition import Edition, digest_of, editions, written
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.schema import SheetForm

NAME = "lombalgie-commune"
NOW = editions(load_base())[NAME]


def changed(change: Callable[[dict[str, Any]], object]) -> Edition:
    """Return the sheet after a change of its file's values."""
    form = written(NOW.form)
    change(form)
    model = SheetForm.model_validate(form)
    return replace(NOW, form=model, digest=digest_of(model))


def rule(form: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a rule of a sheet by its id."""
    found: dict[str, Any] = next(one for one in form["regles"] if one["id"] == name)
    return found


def earlier(form: dict[str, Any]) -> None:
    """Write the sheet as it could have been before."""
    form["drapeaux_rouges"]["urgence"].remove("queue-de-cheval")
    rule(form, "recente")["si"] = {"duree": {"moins_de": "6 semaines"}}
    rule(form, "recente")["positions"]["irm-rachis-lombaire"] = "indique"
    form["patient"] = "Reposez-vous."
    next(iter(form["sources"].values()))["annee"] = 2009
