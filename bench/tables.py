"""What the pages of simulations share: chance, and figures in French."""

from __future__ import annotations

import zlib

import numpy as np

SEED = 20261123


def generator(name: str, number: int = 0) -> np.random.Generator:
    """Return the generator of a series of a scenario."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode()), number])


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table; the first column is of words, the others of figures."""
    rule = "|".join(("---", *["---:"] * (len(head) - 1)))
    return "\n".join(("| " + " | ".join(head) + " |", f"|{rule}|", *("| " + " | ".join(row) + " |" for row in rows))) + "\n"


def french(number: float, digits: int = 1) -> str:
    """Return a number with a decimal comma and a true minus sign."""
    return f"{number:.{digits}f}".replace(".", ",").replace("-", "−")
