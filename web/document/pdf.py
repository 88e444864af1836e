"""The PDF of a signed request: one A4 template composed by typst, the data beside it as JSON, so that no word of them is ever markup."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

TEMPLATE = Path(__file__).with_name("demande.typ")

log = logging.getLogger("pertimage")


class NotComposedError(Exception):
    """The PDF could not be composed; the request is as it was."""


def composed(content: dict[str, Any], at: datetime) -> bytes:
    """Return the PDF of a content (see ``document_content``); the same content and instant give the same bytes. Raises NotComposedError.

    Tagged for screen readers (PDF/UA-1) and readable for ever without this service (PDF/A-2a).
    """
    try:
        import typst  # when the first document is asked for: a service that serves none does not load it

        made = typst.compile(
            TEMPLATE, root=TEMPLATE.parent, sys_inputs={"data": orjson.dumps(content).decode()}, pdf_standards=["ua-1", "a-2a"], timestamp=int(at.timestamp()),
            ignore_system_fonts=True,
        )  # fmt: skip
    except Exception as failure:  # whatever the composer raises: the prescriber is told, and nothing is lost
        log.error("a document could not be composed: %s", type(failure).__name__)  # the message could hold patient data
        raise NotComposedError from failure
    if not isinstance(made, bytes):
        raise NotComposedError
    return made
