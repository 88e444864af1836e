"""Small counts: what a published table may show of groups so small that a person could be recognised."""

from __future__ import annotations

from collections.abc import Sequence

SMALL = 7
SMALL_SHOWN = "≤\u00a07"
MASKED = "n.c."


def shown(count: int) -> str:
    """Return a count as published: « ≤ 7 » from 1 to 7, the number otherwise."""
    return SMALL_SHOWN if 1 <= count <= SMALL else str(count)


def shown_row(counts: Sequence[int]) -> list[str]:
    """Return the counts of a row whose total is published.

    A single hidden count could be had by subtraction: the next smallest is then masked too (« n.c. », non communiqué).
    """
    texts = [shown(count) for count in counts]
    others = [index for index, count in enumerate(counts) if count > SMALL]
    if texts.count(SMALL_SHOWN) == 1 and others:
        texts[min(others, key=lambda index: counts[index])] = MASKED
    return texts


def share_is_shown(part: int, whole: int) -> bool:
    """Say whether a share may be published: neither the part nor the rest may be a small count."""
    return whole > 0 and not 1 <= part <= SMALL and not 1 <= whole - part <= SMALL
