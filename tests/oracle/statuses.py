"""Run by the oracle's own Python: qualify spans of texts with edsnlp.

Standard input: one JSON object a line, ``{"text": "…", "spans": [[start, end], …]}``. Standard output: the statuses of those spans, one
JSON list a line.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import edsnlp

QUALIFIERS = ("negation", "hypothesis", "history", "family")
# edsnlp qualifies each trait apart, we give one status: where it finds several, the strongest of ours.
STATUS = (("family", "family"), ("negation", "absent"), ("hypothesis", "hypothetical"), ("history", "past"))


def pipeline() -> Any:
    """Return edsnlp's rule-based qualifiers over the spans named « mentions »."""
    nlp = edsnlp.blank("eds")
    nlp.add_pipe("eds.normalizer")
    nlp.add_pipe("eds.sentences")
    for name in QUALIFIERS:
        sections = {"use_sections": False} if name in ("history", "family") else {}
        nlp.add_pipe(f"eds.{name}", config={"span_getter": {"mentions": True}, **sections})
    return nlp


def statuses(nlp: Any, text: str, spans: list[tuple[int, int]]) -> list[str]:
    """Return the status of each span."""
    doc = nlp.make_doc(text)
    found = [doc.char_span(start, end, alignment_mode="expand") for start, end in spans]
    doc.spans["mentions"] = found
    for _, pipe in nlp.pipeline:
        doc = pipe(doc)
    return [next((status for trait, status in STATUS if getattr(span._, trait)), "present") for span in doc.spans["mentions"]]


def main() -> None:
    """Answer line by line."""
    nlp = pipeline()
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(json.dumps(statuses(nlp, asked["text"], [tuple(span) for span in asked["spans"]])) + "\n")


if __name__ == "__main__":
    main()
