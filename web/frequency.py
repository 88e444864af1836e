"""Count what is most frequent in a stream of any length, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Frequent(Generic[Key]):
    """Counts of the most frequent keys. Exact up to ``capacity`` different keys; beyond, the rarest are forgotten now and then.

    ``missed`` is then how many occurrences a count shown may lack.
    """

    def __init__(self, capacity: int = 20_000) -> None:
        self._capacity = capacity
        self._counts: Counter[Key] = Counter()
        self.missed = 0

    def add(self, key: Key) -> None:
        """Count one occurrence."""
        self._counts[key] += 1
        if len(self._counts) > 2 * self._capacity:
            kept = self._counts.most_common(self._capacity + 1)
            self.missed += kept.pop()[1]
            self._counts = Counter(dict(kept))

    def __getitem__(self, key: Key) -> int:
        return self._counts[key]

    def top(self, size: int, least: int = 1) -> list[tuple[Key, int]]:
        """Return the most frequent keys that occurred ``least`` times or more, the first seen first among equals."""
        return [(key, count) for key, count in self._counts.most_common(size) if count >= least]
