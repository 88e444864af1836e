"""The prescription form and the request it stands for. No identity is asked; nothing here writes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from uuid import uuid4

from starlette.datastructures import FormData

from pertimage.cds.model import ImagingRequest, Missing, Sex, TextPart
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.lexicon import Lexicon
from pertimage.web.pages.csrf import text as field
from pertimage.web.pages.csrf import texts
from pertimage.web.pages.replies import appended, filled, known_facts, question

TEXT_LIMIT = 8000
PRIORITIES = {"routine": "Programmé", "urgent": "Urgent (quelques jours)", "asap": "Très urgent (dès que possible)", "stat": "Immédiat"}
SEXES = {"": "Non précisé", "female": "Femme", "male": "Homme"}
_AGE = re.compile(r"^\s*(\d{1,3})(?:[.,](\d))?\s*(ans?|a|mois|m)?\s*$", re.IGNORECASE)
_ID = re.compile(r"^[0-9a-f]{32}$")


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds. ``initial`` is the exam that a better one has replaced; ``id`` the request it will become."""

    text: str = ""
    exam: str = ""
    age: str = ""
    sex: str = ""
    priority: str = "routine"
    replies: tuple[str, ...] = ()
    initial: str = ""
    reason: str = ""
    comment: str = ""
    id: str = ""

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was written."""
        return not self.text.strip() and not self.exam.strip()

    @property
    def years(self) -> float | None:
        """Return the age in years; None when not given or not understood."""
        match = _AGE.match(self.age)
        if not match:
            return None
        years = float(f"{match.group(1)}.{match.group(2) or 0}")
        years = years / 12 if (match.group(3) or "").lower().startswith("m") else years
        return years if years <= 130 else None

    @property
    def faults(self) -> Mapping[str, str]:
        """Return what cannot be read, by field, in French."""
        if self.age.strip() and self.years is None:
            return {"age": "Âge non compris : écrivez par exemple 38, ou 8 mois."}
        return {}

    def request(self, lexicon: Lexicon, today: date) -> ImagingRequest:
        """Return the request that the form stands for."""
        return ImagingRequest(
            id=f"ServiceRequest/{self.id}", exam_text=self.exam, texts=(TextPart("form", self.text),) if self.text else (), age=self.years,
            sex=Sex(self.sex) if self.sex else None, authored=today, priority=self.priority,
            known=tuple(known_facts(self.replies, self.text, lexicon.names.units.__contains__)),
        )  # fmt: skip


def read_draft(form: FormData, base: GuidelineBase) -> Draft:
    """Return what a form posted holds, with the answer that its button adds."""
    sex, priority, request = field(form, "sexe"), field(form, "urgence"), field(form, "demande")
    draft = Draft(
        text=clean(form.get("texte")), exam=clean(form.get("examen"))[:200], age=field(form, "age", 12), sex=sex if sex in SEXES else "",
        priority=priority if priority in PRIORITIES else "routine", replies=tuple(texts(form, "reponse"))[-60:], initial=field(form, "examen_initial", 200),
        reason=field(form, "motif"), comment=field(form, "commentaire", 1000), id=request if _ID.match(request) else uuid4().hex,
    )  # fmt: skip
    return _completed(draft, form, base)


def clean(value: object) -> str:
    """Return text as the core reads it: composed accents, plain line ends, bounded."""
    if not isinstance(value, str):
        return ""
    return unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")).strip()[:TEXT_LIMIT]


def _completed(draft: Draft, form: FormData, base: GuidelineBase) -> Draft:
    """Apply the button pressed in a browser without JavaScript: a chip, a blank filled, an exam replaced."""
    for token in texts(form, "ajout"):
        draft = replace(draft, text=appended(draft.text, token.split("|", 3)[-1]), replies=(*draft.replies, token))
    if (item := field(form, "completer")) and (words := field(form, f"complement-{item}", 500)):
        blank = question(Missing(item, ""), base).blank
        if blank is not None:
            draft = replace(draft, text=appended(draft.text, filled(blank, words, field(form, f"unite-{item}"))))
    if exam := field(form, "remplacer", 400):
        draft = with_exam(draft, exam)
    return draft


def with_exam(draft: Draft, exam: str) -> Draft:
    """Return the draft with another exam, which remembers the first one asked."""
    return replace(draft, exam=exam, initial=draft.initial or draft.exam or "dans le texte")
