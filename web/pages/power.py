"""Power before promising: how many months it takes to see an effect, and what can be seen in so many months."""

from __future__ import annotations

import math

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pertimage.web.access import page_user
from pertimage.web.pages.evaluation import ROLE
from pertimage.web.pages.view import page

router = APIRouter(prefix="/evaluation/puissance", include_in_schema=False)

# Field, words, usual value, least, greatest.
FIELDS = (
    ("examens", "Examens par mois", "14", 1.0, 1_000_000.0),
    ("avant", "Mois connus avant la mise en service", "24", 1.0, 240.0),
    ("apres", "Mois prévus après", "12", 1.0, 120.0),
    ("effet", "Effet espéré, en % (une baisse : −20)", "-20", -95.0, 400.0),
    ("dispersion", "Surdispersion (1 : le hasard seul ; 2 est courant)", "1,5", 0.2, 100.0),
    ("correlation", "Ressemblance de deux mois voisins (0 à 0,9)", "0,1", 0.0, 0.9),
)


@router.get("", response_class=HTMLResponse)
def power(request: Request) -> HTMLResponse:
    """Say what a programme can promise, from what is typed."""
    page_user(request, ROLE)
    typed = {name: request.query_params.get(name, usual)[:20] for name, _, usual, _, _ in FIELDS}
    values, faults = _read(typed)
    told = _told(values) if not faults and request.query_params else []
    status = 422 if faults else 200
    return page(request, "evaluation/power.html", section="evaluation", status=status, fields=FIELDS, typed=typed, faults=faults, told=told)


def _read(typed: dict[str, str]) -> tuple[dict[str, float], dict[str, str]]:
    values, faults = {}, {}
    for name, words, _, least, greatest in FIELDS:
        try:
            value = float(typed[name].replace(",", ".").replace("\u2212", "-").replace("%", "").strip())
        except ValueError:
            value = math.nan
        if not least <= value <= greatest or (name == "effet" and value == 0):
            faults[name] = (
                f"{words.split(' (')[0].split(',')[0]} : un nombre de {least:g} à {greatest:g} est attendu{', autre que 0' if name == 'effet' else ''}."
            )
        values[name] = value
    return values, faults


def _told(values: dict[str, float]) -> list[tuple[str, list[str]]]:
    """Return, for each method, what it takes and what can be seen."""
    from pertimage.audit.methods.power import Design, Plan, sentence, visible

    about = {"dispersion": values["dispersion"], "correlation": values["correlation"]}
    plans = [Plan(values["examens"], round(values["avant"]), design, **about) for design in Design]
    ratio, after = 1 + values["effet"] / 100, round(values["apres"])
    return [(plan.design.value, [sentence(plan, ratio), visible(plan, after)]) for plan in plans]
