"""What must not change an answer, tried on every vignette: the same request in another typography."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import ImagingRequest, Outcome, TextPart
from pertimage.guidelines.loader import load_base
from pertimage.web.vignettes import as_request

BASE = load_base()
REQUESTS = [
    as_request(vignette, sheet.id, number) for sheet in BASE.sheets.values() for number, vignette in enumerate(sheet.form.vignettes, 1)
]
# Acronyms that are also words (« PR », « LS ») are read in capitals only: a text all in one case may lose or gain them.
TOLERATED = {"minuscules": 0.01, "majuscules": 0.01}


def _without_accents(text: str) -> str:
    plain = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    return plain.replace("œ", "oe").replace("Œ", "OE").replace("’", "'")


CHANGES: dict[str, Callable[[str], str]] = {
    "sans accents": _without_accents, "majuscules": str.upper, "minuscules": str.lower, "espaces": lambda text: "  " + text.replace(" ", "  ") + " ",
    "point final": lambda text: text.rstrip(".") + ".", "forme décomposée": lambda text: unicodedata.normalize("NFD", text),
    "apostrophe courbe": lambda text: text.replace("'", "’"), "politesse": lambda text: f"Bonjour cher confrère. {text}. Merci, bien confraternellement",
    "antécédents sans rapport": lambda text: f"{text}. ATCD : presbytie, amygdalectomie en 1990",
}  # fmt: skip


def answers(request: ImagingRequest) -> list[tuple[Outcome, str | None]]:
    """Return what matters of the answers to a request."""
    return [(one.outcome, one.pathway) for one in assess(request, BASE)]


def changed(request: ImagingRequest, change: Callable[[str], str]) -> ImagingRequest:
    """Return the request with its words changed."""
    return replace(request, texts=tuple(TextPart(part.place, change(part.text)) for part in request.texts))


@pytest.mark.parametrize("name", CHANGES)
def test_typography_does_not_change_the_answer(name: str) -> None:
    """Accents, case, spaces, punctuation and unrelated words leave outcome and pathway as they are."""
    moved = [request.narrative for request in REQUESTS if answers(changed(request, CHANGES[name])) != answers(request)]
    assert len(moved) <= TOLERATED.get(name, 0) * len(REQUESTS), moved


def test_an_assessment_is_total_and_explained() -> None:
    """Every answer has a reason; what is not supported has something to click or to do instead."""
    for request in REQUESTS:
        for one in assess(request, BASE):
            assert one.reason
            assert one.outcome not in (Outcome.ALTERNATIVE, Outcome.NOT_INDICATED) or one.alternatives
            assert one.outcome is not Outcome.INCOMPLETE or one.missing
            assert one.rule is None or one.sources


def test_the_same_inputs_give_the_same_bytes() -> None:
    """An assessment is a function of its inputs."""
    for request in REQUESTS[:100]:
        assert [one.to_json() for one in assess(request, BASE)] == [one.to_json() for one in assess(request, BASE)]


RED_FLAGS = {
    "lombalgie-commune": ["troubles sphinctériens", "anesthésie en selle", "ne peut plus uriner"],
    "cephalee-chronique-sans-alarme": ["début brutal en coup de tonnerre", "raideur de nuque fébrile"],
    "traumatisme-cranien-adulte": ["sous Eliquis", "3 vomissements"],
}


@pytest.mark.parametrize(("sheet", "flag"), [(sheet, flag) for sheet, flags in RED_FLAGS.items() for flag in flags])
def test_adding_an_emergency_sign_sends_to_the_emergency_department(sheet: str, flag: str) -> None:
    """Whatever the request said before, an emergency sign added to it is heard."""
    for number, vignette in enumerate(BASE.sheets[sheet].form.vignettes, 1):
        if "pas" in vignette.text.lower() or (vignette.age is not None and vignette.age < 18):
            continue
        request = changed(as_request(vignette, sheet, number), lambda text: f"{text}. {flag}")
        assert any(one.pathway == "emergency" for one in assess(request, BASE)), request.narrative


@pytest.mark.parametrize("denial", ["pas de {}", "absence de {}", "sans {}", "{} : non"])
@pytest.mark.parametrize("flag", ["troubles sphinctériens", "anesthésie en selle", "fièvre", "déficit moteur"])
def test_a_denied_red_flag_is_not_raised(flag: str, denial: str) -> None:
    """A flag denied, in whatever form, raises nothing."""
    text = f"lumbago depuis 5 jours, {denial.format(flag)}"
    (one,) = assess(ImagingRequest("r", exam_text="radio rachis lombaire", texts=(TextPart("reasonCode", text),), age=38), BASE)
    assert (one.outcome, one.pathway) == (Outcome.NOT_INDICATED, None)
