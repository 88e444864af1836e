"""The words of the patient page in each language: files that a translator edits and reviews (``langues/``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal

import yaml
from markupsafe import Markup, escape
from pydantic import Field, ValidationError, model_validator

from pertimage.guidelines.schema import Form

FOLDER = Path(__file__).with_name("langues")
FRENCH = "fr"


class LanguageError(ValueError):
    """A language file that cannot be shown: what is wrong and where, in French."""


class LanguageForm(Form):
    """A language file as written; French keys are explained at the head of ``fr.yaml``."""

    code: str = Field(alias="langue", pattern=r"^[a-z]{2,3}$", description="Code de la langue, celui du nom du fichier.")
    name: str = Field(alias="nom", min_length=1, description="Nom de la langue, dans cette langue.")
    direction: Literal["ltr", "rtl"] = Field(alias="sens", description="ltr : de gauche à droite ; rtl : de droite à gauche.")
    review: Literal["draft", "reviewed"] = Field(description="draft : pas encore relu, et dit au lecteur ; reviewed : relu.")
    reviewer: str = Field("", alias="relu_par", description="Qui a relu.")
    reviewed: date | None = Field(None, alias="relu_le", description="Quand, AAAA-MM-JJ.")
    texts: dict[str, Any] = Field(alias="textes", description="Les phrases, par leur nom.")

    @model_validator(mode="after")
    def _signed(self) -> LanguageForm:
        if self.review == "reviewed" and not (self.reviewer.strip() and self.reviewed):
            raise ValueError("« review: reviewed » demande « relu_par » et « relu_le »")
        return self


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the page. ``texts`` holds sentences by dotted key, and lists of sentences by the key of the list."""

    code: str
    name: str
    direction: str
    reviewed: bool
    texts: Mapping[str, str | tuple[str, ...]]

    def say(self, key: str, **values: Any) -> Markup:
        """Return a sentence with its values, escaped; raises KeyError on a sentence that does not exist."""
        text = self.texts[key]
        if not isinstance(text, str):
            raise KeyError(key)
        return escape(text).format(**values)

    def list(self, key: str) -> tuple[str, ...]:
        """Return the sentences of a list; raises KeyError when there is no such list."""
        found = self.texts[key]
        if isinstance(found, str):
            raise KeyError(key)
        return found


@cache
def languages() -> Mapping[str, Language]:
    """Return the languages by code, French first, then by code; raises LanguageError."""
    read = [read_language(path) for path in sorted(FOLDER.glob("*.yaml"))]
    found = {one.code: one for one in sorted(read, key=lambda one: (one.code != FRENCH, one.code))}
    for one in found.values():
        faults = differences(found[FRENCH], one)
        if faults:
            raise LanguageError(f"{one.code}.yaml : {' ; '.join(faults)}")
    return found


def read_language(path: Path) -> Language:
    """Return the language of a file; raises LanguageError."""
    try:
        form = LanguageForm.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise LanguageError(f"{path.name} : YAML illisible, {error}") from None
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'fichier'} : {one['msg']}" for one in error.errors())
        raise LanguageError(f"{path.name} : {said}") from None
    if form.code != path.stem:
        raise LanguageError(f"{path.name} : « langue: {form.code} » n'est pas le nom du fichier")
    texts = dict(_flat(form.texts, path.name))
    return Language(form.code, form.name, form.direction, form.review == "reviewed", texts)


def differences(model: Language, other: Language) -> list[str]:
    """Return in French what a language lacks, has too much, or says with other placeholders than the model."""
    faults = [f"« {key} » manque" for key in model.texts if key not in other.texts]
    faults += [f"« {key} » est de trop" for key in other.texts if key not in model.texts]
    for key in model.texts.keys() & other.texts.keys():
        expected, given = _shape(model.texts[key]), _shape(other.texts[key])
        if expected != given:
            faults.append(f"« {key} » : {_shape_words(expected)} attendu, {_shape_words(given)} trouvé")
    return sorted(faults)


def placeholders(text: str) -> list[str]:
    """Return the names between braces of a sentence, sorted."""
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


Shape = tuple[int, list[str]]


def _shape(text: str | tuple[str, ...]) -> Shape:
    """Return how many sentences a text is (0: one that is not in a list), with their placeholders."""
    sentences = (text,) if isinstance(text, str) else text
    return 0 if isinstance(text, str) else len(text), [name for sentence in sentences for name in placeholders(sentence)]


def _shape_words(shape: Shape) -> str:
    count, names = shape
    said = f"une liste de {count}" if count else "une phrase"
    return f"{said} avec {', '.join(f'{{{name}}}' for name in names)}" if names else said


def _flat(texts: Mapping[str, Any], name: str, start: str = "") -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for key, value in texts.items():
        path = f"{start}{key}"
        if isinstance(value, dict):
            yield from _flat(value, name, f"{path}.")
        elif isinstance(value, str) and value.strip():
            yield path, value
        elif isinstance(value, list) and value and all(isinstance(one, str) and one.strip() for one in value):
            yield path, tuple(value)
        else:
            raise LanguageError(f"{name} : « {path} » doit être une phrase, ou une liste de phrases (entre guillemets si besoin)")
