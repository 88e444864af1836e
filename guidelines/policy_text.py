"""Adding to the text of a policy without rewriting what its author wrote: comments and order stay."""

from __future__ import annotations

import json
import re

import yaml

from pertimage.guidelines.policy import SilenceForm

_KEY = re.compile(r"^regles_en_silence:[ \t]*(?:#.*)?$", re.MULTILINE)
_ITEM = re.compile(r"\n([ \t]*)- ")


def with_silence(text: str, silence: SilenceForm) -> str:
    """Return the text of a policy (valid YAML) with one rule more in silence.

    When its list is not written as a block the text is written anew, without its comments.
    """
    line = "- " + _flow(silence)
    held = yaml.safe_load(text) or {}
    if "regles_en_silence" not in held:
        return f"{text.rstrip()}\nregles_en_silence:\n  {line}\n".lstrip()
    key = _KEY.search(text)
    if key and (item := _ITEM.match(text, key.end())):
        return f"{text[: key.end()]}\n{item.group(1)}{line}{text[key.end() :]}"
    added = json.loads(silence.model_dump_json(by_alias=True))
    return yaml.safe_dump(held | {"regles_en_silence": [*held["regles_en_silence"], added]}, allow_unicode=True, sort_keys=False)


def _flow(silence: SilenceForm) -> str:
    """Return a rule in silence on one line; a JSON string is a YAML one."""
    said = {"regle": silence.rule, "auteur": silence.author, "motif": silence.reason}
    written = {name: json.dumps(value, ensure_ascii=False) for name, value in said.items()}
    return f"{{regle: {written['regle']}, auteur: {written['auteur']}, date: {silence.day.isoformat()}, motif: {written['motif']}}}"
