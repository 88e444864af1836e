"""Addresses that are keys, kept out of the logs of the server that serves us."""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"(?<=/patient/)[^/?#\s\"']+")
LOGGERS = ("uvicorn.access", "uvicorn.error", "uvicorn.asgi", "gunicorn.access", "hypercorn.access")


def masked(text: str) -> str:
    """Return a text without the tokens of the patient pages that it names."""
    return _TOKEN.sub("…", text)


class MaskTokens(logging.Filter):
    """Writes « … » in the place of a token, in the message and in its arguments; every record passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask one record."""
        record.msg = _masked(record.msg)
        if isinstance(record.args, dict):
            record.args = {name: _masked(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(map(_masked, record.args))
        return True


def mask_addresses() -> None:
    """Put the filter on the loggers of the servers that may run us; once, however many applications are made."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, MaskTokens) for one in logger.filters):
            logger.addFilter(MaskTokens())


def _masked(value: object) -> object:
    return masked(value) if isinstance(value, str) else value
