"""The mentions that our lexicon finds in the examples, with our status and edsnlp's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pertimage.cds.text.context import qualify
from pertimage.cds.text.mentions import scene
from tests.project import ROOT
from tests.properties.examples import BASE, EXAMPLES, Example

PYTHON = ROOT / ".venv-oracle" / "bin" / "python"
PROGRAM = Path(__file__).parent / "statuses.py"


class Qualified(NamedTuple):
    """A mention of an example, where it stands, and what each reader says of it."""

    example: str
    text: str
    start: int
    end: int
    ours: str
    edsnlp: str = ""

    @property
    def words(self) -> str:
        """Return the words of the mention."""
        return self.text[self.start : self.end]

    @property
    def marked(self) -> str:
        """Return the text with the mention between brackets, on one line."""
        return f"{self.text[: self.start]}[{self.words}]{self.text[self.end :]}".replace("\n", " ⏎ ")


def ours(example: Example) -> list[Qualified]:
    """Return the places of an example where a term names a fact, once each, with our status (terms that deny left out)."""
    request = example.request
    seen = scene(request.narrative, BASE.lexicon)
    found: dict[tuple[int, int], Qualified] = {}
    for mention, status, _, _ in qualify(seen, request.authored.year if request.authored else None, BASE.openers):
        start, end = seen.words[mention.first].start, seen.words[mention.last].end
        if not mention.denies:
            found.setdefault((start, end), Qualified(example.id, seen.text, start, end, str(status)))
    return [found[place] for place in sorted(found)]


def both(examples: list[Example] | None = None) -> Iterator[Qualified]:
    """Yield every mention with both statuses."""
    read = [group for example in (EXAMPLES if examples is None else examples) if (group := ours(example))]
    asked = "".join(json.dumps({"text": group[0].text, "spans": [(one.start, one.end) for one in group]}) + "\n" for group in read)
    done = subprocess.run([PYTHON, PROGRAM], input=asked, capture_output=True, text=True, check=True)
    for group, line in zip(read, done.stdout.splitlines(), strict=True):
        yield from (one._replace(edsnlp=status) for one, status in zip(group, json.loads(line), strict=True))
