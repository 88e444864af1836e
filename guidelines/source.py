"""YAML read with its line numbers, so that an error can name the place and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pertimage.guidelines.schema import FRENCH

Model = TypeVar("Model", bound=BaseModel)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Fault:
    """An error of an author: file, line (1-based; 0 when unknown), and what is wrong, in French.

    A ``warning`` is worth a look; anything else is refused.
    """

    file: str
    line: int
    message: str
    warning: bool = False

    @property
    def level(self) -> str:
        """Return the French word for how serious it is."""
        return "avertissement" if self.warning else "erreur"

    def __str__(self) -> str:
        return f"{self.file}, ligne {self.line} : {self.message}" if self.line else f"{self.file} : {self.message}"


class GuidelineError(ValueError):
    """The base cannot be used; ``faults`` holds everything wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class Document:
    """One YAML file (or its text): its values, and the line of each."""

    def __init__(self, path: Path | str, shown: str) -> None:
        self.shown = shown
        self.faults: list[Fault] = []
        self.value: Any = None
        self._node: Any = None
        try:
            text = path if isinstance(path, str) else path.read_text(encoding="utf-8")
            reader = _Loader(text)
            self._node = reader.get_single_node()
            self._check_keys(self._node)
            self.value = reader.construct_document(self._node) if self._node is not None else None
        except UnicodeDecodeError:
            self.faults.append(Fault(shown, 0, "le fichier n'est pas en UTF-8"))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.faults.append(
                Fault(
                    shown,
                    mark.line + 1 if mark else 0,
                    f"YAML illisible ({error.problem}) : vérifier l'alignement, les « : » et les guillemets",
                )
            )
        except (yaml.YAMLError, ValueError) as error:
            dates = [node for node in _scalars(self._node) if node.tag == _TIMESTAMP and not _is_date(node.value)]
            faults = [Fault(shown, node.start_mark.line + 1, f"date impossible « {node.value} » : écrire AAAA-MM-JJ") for node in dates]
            self.faults.extend(faults or [Fault(shown, 0, f"YAML illisible : {error}")])

    def _check_keys(self, node: Any) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    self.faults.append(
                        Fault(self.shown, key.start_mark.line + 1, f"clé écrite deux fois : « {key.value} » ; n'en garder qu'une")
                    )
                seen.add(key.value)
                self._check_keys(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._check_keys(item)

    def line(self, *path: str | int) -> int:
        """Return the line of the deepest node that the path reaches (1-based)."""
        node, line = self._node, 1
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line

    def fault(self, message: str, *path: str | int) -> Fault:
        """Return a fault placed at a path of this document."""
        return Fault(self.shown, self.line(*path), message)

    def warning(self, message: str, *path: str | int) -> Fault:
        """Return a warning placed at a path of this document."""
        return Fault(self.shown, self.line(*path), message, warning=True)

    def read(self, model: type[Model], value: Any, *path: str | int) -> Model | None:
        """Validate a value; on error record faults with their lines and return None."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.faults.extend(self.fault(_message(item, model), *path, *_plain(item["loc"])) for item in _first_per_place(error))
            return None


def _scalars(node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from (key, *_scalars(value))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    elif node is not None:
        yield node


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _child(node: Any, step: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


def _plain(location: tuple[str | int, ...]) -> list[str | int]:
    return [step for step in location if isinstance(step, int) or step.islower() or "_" in step]


def _first_per_place(error: ValidationError) -> list[Any]:
    places: dict[tuple[Any, ...], Any] = {}
    for item in error.errors(include_url=False):
        places.setdefault(tuple(_plain(item["loc"]))[:4], item)
    return list(places.values())


_MESSAGES: dict[str, Callable[[Any], str]] = {
    "missing": lambda item: f"il manque « {item['loc'][-1]} »",
    "string_type": lambda item: f"« {item['loc'][-1]} » attend un texte ; mettre des guillemets autour de « {item['input']} »",
    "string_pattern_mismatch": lambda item: f"« {item['input']} » n'est pas un identifiant : minuscules sans accent, chiffres et tirets",
    "literal_error": lambda item: f"« {item['input']} » n'est pas permis ici : écrire {item['ctx']['expected'].replace(' or ', ' ou ')}",
    "date_from_datetime_parsing": lambda item: f"date illisible « {item['input']} » : écrire AAAA-MM-JJ",
    "date_parsing": lambda item: f"date illisible « {item['input']} » : écrire AAAA-MM-JJ",
    "list_type": lambda item: f"« {item['loc'][-1]} » attend une liste : [a, b]",
    "dict_type": lambda item: f"« {item['loc'][-1]} » attend des lignes « clé: valeur »",
    "too_short": lambda item: f"« {item['loc'][-1]} » ne peut pas être vide",
    "string_too_short": lambda item: f"« {item['loc'][-1]} » ne peut pas être vide",
    "model_type": lambda item: f"{_named(item)} attend des lignes « clé: valeur »",
    "greater_than_equal": lambda item: f"{_named(item)} : {item['input']} est trop petit, au moins {item['ctx']['ge']}",
    "less_than_equal": lambda item: f"{_named(item)} : {item['input']} est trop grand, au plus {item['ctx']['le']}",
    "int_from_float": lambda item: f"{_named(item)} : {item['input']} n'est pas un nombre entier",
    "int_parsing": lambda item: f"{_named(item)} : « {item['input']} » n'est pas un nombre entier",
    "int_type": lambda item: f"{_named(item)} : un nombre entier est attendu",
    "float_parsing": lambda item: f"{_named(item)} : « {item['input']} » n'est pas un nombre",
    "bool_parsing": lambda item: f"« {item['input']} » : écrire oui ou non",
    "enum": lambda item: f"« {item['input']} » n'est pas permis ici : écrire {item['ctx']['expected'].replace(' or ', ' ou ')}",
}


def _named(item: Any) -> str:
    return f"« {item['loc'][-1]} »" if item["loc"] else "le document"


def _message(item: Any, model: type[BaseModel]) -> str:
    kind = item["type"]
    if kind == "extra_forbidden" and item["input"] is None:
        return f"« {item['loc'][-1]} » n'a pas de valeur : un texte qui contient une virgule ou « : » se met entre guillemets"
    if kind == "extra_forbidden":
        return _unknown_key(str(item["loc"][-1]))
    if isinstance(item["input"], dict) and None in item["input"].values() and kind != "missing":
        loose = next(key for key, value in item["input"].items() if value is None)
        return f"« {loose} » n'a pas de valeur : un texte qui contient une virgule ou « : » se met entre guillemets"
    if kind in _MESSAGES:
        return _MESSAGES[kind](item)
    return f"« {item['loc'][-1] if item['loc'] else ''} » : valeur inattendue ({item['msg']})"


def _unknown_key(key: str) -> str:
    near = difflib.get_close_matches(key, set(FRENCH.values()), n=1)
    return f"clé inconnue « {key} »" + (f" : vouliez-vous écrire « {near[0]} » ?" if near else " : la retirer")
