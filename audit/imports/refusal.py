"""What cannot be imported: a whole file, or one of its lines; both say why in French."""

from __future__ import annotations


class FileRefused(ValueError):  # noqa: N818 - a refusal, not a failure
    """A file that cannot be imported; the message names the place and what to do."""


class LineFault(ValueError):  # noqa: N818 - same
    """A line that is rejected; the message is the reason, without any value of the line."""
