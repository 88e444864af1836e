"""The guidelines' vignettes as forms to try. They are named by sheet and number: no text travels in an address."""

from __future__ import annotations

from fastapi import HTTPException

from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.conditions import SEXES
from pertimage.web.pages.draft import Draft


def example(name: str, base: GuidelineBase) -> Draft:
    """Return the draft of a vignette, ``<sheet>.<number>``; 404 when there is none."""
    sheet, _, number = name.rpartition(".")
    if sheet not in base.sheets or not number.isdecimal() or not 1 <= int(number) <= len(base.sheets[sheet].form.vignettes):
        raise HTTPException(404)
    vignette = base.sheets[sheet].form.vignettes[int(number) - 1]
    return Draft(text=vignette.text, exam=vignette.exam, age=_age(vignette.age), sex=SEXES[vignette.sex] if vignette.sex else "")


def _age(years: float | None) -> str:
    if years is None:
        return ""
    return f"{round(years * 12)} mois" if years < 2 else f"{years:g}".replace(".", ",")
