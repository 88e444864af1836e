"""Which counts of a table to mask so that no small one can be computed from what is published.

A two-way table with its totals is a circulation: source → rows → columns → sink → source, each arc holding a count. What is
published bounds the arcs; a reader who computes looks for the circulations within the bounds. The bounds of an arc over all of them
are whole numbers, reached by moving units along cycles of the residual graph, and every number between is reached too: the audit is
exact. What must be masked more is the cheapest cycle through the count exposed (the smallest counts), by Dijkstra's algorithm.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

SMALL = 7
# What may be published must leave a small count at least so many values.
PLAUSIBLE = 4
ROUND = 5
UNBOUNDED = 1 << 60
PRIMARY, COMPLEMENT = "primary", "complement"

# (row, column) is a cell, (row, None) and (None, column) are totals, (None, None) that of all.
Key = tuple[int | None, int | None]
Node = tuple[str, int]
_SOURCE, _SINK = ("source", 0), ("sink", 0)


def rounded(count: int) -> int:
    """Return a count rounded to the nearest 5."""
    return (count + ROUND // 2) // ROUND * ROUND


@dataclass(slots=True)
class _Arc:
    """A count of the table: where it flows, its bounds for a reader, and what masking it would make of its lower bound."""

    key: Key
    tail: Node
    head: Node
    value: int
    low: int
    high: int
    now: int  # the value while the audit moves it
    mask: str = ""
    floor: int | None = None  # None: it cannot be masked


class Grid:
    """A table and what is published of it.

    ``columns_published`` says whether the totals of columns and of all are; ``rows_known`` that the totals of rows are known to the
    unit and cannot be masked; ``exact`` that whatever is published is known to the unit. ``withheld`` are rows of which only the total is known.
    """

    def __init__(
        self, counts: Sequence[Sequence[int]], *, columns_published: bool = True, rows_known: bool = False, exact: bool = False,
        withheld: Collection[int] = (),
    ) -> None:  # fmt: skip
        self.counts = [list(row) for row in counts]
        if not self.counts or len({len(row) for row in self.counts}) != 1 or any(count < 0 for row in self.counts for count in row):
            raise ValueError("a table has rows of one length, and no count under zero")
        self.withheld: set[int] = set()
        self._exact = exact
        self._arcs: dict[Key, _Arc] = {}
        self._around: dict[Node, list[_Arc]] = {}
        self._moved: list[_Arc] = []
        for row, line in enumerate(self.counts):
            self._enter((row, None), sum(line), known=rows_known)
            for column, count in enumerate(line):
                self._enter((row, column), count)
        for column in range(len(self.counts[0])):
            self._enter((None, column), sum(line[column] for line in self.counts), free=not columns_published)
        self._enter((None, None), sum(map(sum, self.counts)), free=not columns_published, known=rows_known)
        for row in withheld:
            self._withhold(row)

    def value(self, key: Key) -> int:
        """Return a count, as it is."""
        return self._arcs[key].value

    def masked(self, key: Key) -> str:
        """Return whether a count is masked: ``primary`` (it is small), ``complement``, or empty."""
        return self._arcs[key].mask

    def interval(self, key: Key) -> tuple[int, int]:
        """Return the least and the greatest value that what is published leaves to a count; ``UNBOUNDED`` or more when nothing limits it."""
        arc = self._arcs[key]
        down, up = (self._moves(arc, way, UNBOUNDED) for way in (-1, 1))
        return arc.value - down, arc.value + up

    def room(self, key: Key, enough: int = PLAUSIBLE) -> int:
        """Return how many values what is published leaves to a count, counted up to ``enough``."""
        arc, found = self._arcs[key], 1
        for way in (1, -1):
            if found < enough:
                found += self._moves(arc, way, enough - found)
        return found

    def protect(self) -> None:
        """Mask more counts until each small one has ``PLAUSIBLE`` values. Masking only adds values: what is safe stays so."""
        for key, arc in self._arcs.items():
            if 1 <= arc.value <= SMALL and (arc.high, arc.low) != (arc.value, arc.value):
                while self.room(key) < PLAUSIBLE and self._widen(arc):
                    pass

    def _enter(self, key: Key, value: int, *, free: bool = False, known: bool = False) -> None:
        tail, head = _ends(key)
        arc, inner = _Arc(key, tail, head, value, *self._bounds(value), value), None not in key
        if free:
            arc.low, arc.high = 0, UNBOUNDED
        elif known:
            arc.low = arc.high = value
        elif 1 <= value <= SMALL:
            arc.mask, arc.floor = PRIMARY, None if inner else 1
        elif value:
            arc.floor = SMALL + 1 if inner else 1
        self._arcs[key] = arc
        movable = arc.low < arc.high or arc.floor is not None
        for node in (tail, head):
            around = self._around.setdefault(node, [])
            if movable:
                around.append(arc)

    def _bounds(self, value: int) -> tuple[int, int]:
        if 1 <= value <= SMALL:
            return 1, SMALL
        if self._exact or value == 0:
            return value, value
        return max(SMALL + 1, rounded(value) - ROUND // 2), rounded(value) + ROUND // 2

    def _moves(self, arc: _Arc, way: int, most: int) -> int:
        """Return by how much a count can go up (``way`` 1) or down (-1), counted up to ``most``."""
        moved = self._push(arc, way, most)
        self._put_back()
        return moved

    def _push(self, arc: _Arc, way: int, most: int) -> int:
        """Move a count as far as it goes, at most by ``most``; the others follow, until they are put back."""
        moved, most = 0, min(most, arc.high - arc.value if way > 0 else arc.value - arc.low)
        while moved < most and (path := self._cycle(arc, way)):
            step = min(most - moved, *(_slack(one, direction) for one, direction in path))
            for one, direction in path:
                one.now += direction * step
                self._moved.append(one)
            moved += step
        return moved

    def _put_back(self) -> None:
        for arc in self._moved:
            arc.now = arc.value
        self._moved.clear()

    def _cycle(self, arc: _Arc, way: int) -> list[tuple[_Arc, int]]:
        """Return a way to close the cycle when a count moves, within the bounds; empty when there is none. Depth first: it ends soon."""
        start, end = (arc.head, arc.tail) if way > 0 else (arc.tail, arc.head)
        came: dict[Node, tuple[_Arc, int, Node]] = {}
        waiting = [start]
        while waiting:
            node = waiting.pop()
            for one in self._around[node]:
                direction, other = (1, one.head) if one.tail == node else (-1, one.tail)
                if other in came or other == start or one is arc or _slack(one, direction) <= 0:
                    continue
                came[other] = (one, direction, node)
                if other == end:
                    return list(_unrolled(came, end, start))
                waiting.append(other)
        return []

    def _cheapest(self, arc: _Arc, way: int) -> list[tuple[_Arc, int]]:
        """Return the way to close the cycle that masks the smallest counts; empty when there is none."""
        start, end = (arc.head, arc.tail) if way > 0 else (arc.tail, arc.head)
        best: dict[Node, int] = {start: 0}
        came: dict[Node, tuple[_Arc, int, Node]] = {}
        queue: list[tuple[int, Node]] = [(0, start)]
        while queue:
            cost, node = heapq.heappop(queue)
            if node == end:
                return list(_unrolled(came, end, start))
            if cost > best[node]:
                continue
            for one in self._around[node]:
                direction, other = (1, one.head) if one.tail == node else (-1, one.tail)
                price = None if one is arc else _price(one, direction)
                if price is not None and cost + price < best.get(other, UNBOUNDED):
                    best[other] = cost + price
                    came[other] = (one, direction, node)
                    heapq.heappush(queue, (cost + price, other))
        return []

    def _widen(self, arc: _Arc) -> bool:
        """Mask what is cheapest to leave a count one more value; when nothing does, withhold its row, then everything.

        Return False when everything was withheld already.
        """
        found = []
        for way in (1, -1):
            limit = arc.high - arc.value if way > 0 else arc.value - arc.low
            if self._push(arc, way, limit) < limit and (path := self._cheapest(arc, way)):
                bought = [one for one, direction in path if _slack(one, direction) <= 0]
                found.append((sum(one.value for one in bought), way, bought))
            self._put_back()
        if found:
            for one in min(found, key=lambda choice: choice[:2])[2]:
                _hide(one)
        elif arc.floor is not None and arc.mask != COMPLEMENT:
            _hide(arc)
        elif arc.key[0] is not None and arc.key[0] not in self.withheld:
            self._withhold(arc.key[0])
        elif len(self.withheld) < len(self.counts):
            self._withhold_all()
        else:
            return False
        return True

    def _withhold(self, row: int) -> None:
        self.withheld.add(row)
        for column in range(len(self.counts[0])):
            arc = self._arcs[row, column]
            if arc.low == arc.high and arc.floor is None:
                for node in (arc.tail, arc.head):
                    self._around[node].append(arc)
            arc.mask, arc.low, arc.high = COMPLEMENT, 0, UNBOUNDED

    def _withhold_all(self) -> None:
        for row in range(len(self.counts)):
            self._withhold(row)
        for arc in self._arcs.values():
            if None in arc.key and (arc.low != arc.high or arc.floor is not None):
                arc.mask, arc.low, arc.high = COMPLEMENT, 0, UNBOUNDED


def _slack(arc: _Arc, way: int) -> int:
    return arc.high - arc.now if way > 0 else arc.now - arc.low


def _price(arc: _Arc, way: int) -> int | None:
    """Return what it costs to move a count: nothing within its bounds, the count when it must be masked, None when it cannot move."""
    if _slack(arc, way) > 0:
        return 0
    if arc.floor is None or arc.mask == COMPLEMENT:
        return None
    return arc.value if way > 0 or arc.now > arc.floor else None


def _hide(arc: _Arc) -> None:
    assert arc.floor is not None
    arc.mask, arc.low, arc.high = COMPLEMENT, arc.floor, UNBOUNDED


def _ends(key: Key) -> tuple[Node, Node]:
    """Return from where to where a count flows."""
    row, column = key
    if row is not None and column is not None:
        return ("row", row), ("column", column)
    if row is not None:
        return _SOURCE, ("row", row)
    return (("column", column), _SINK) if column is not None else (_SINK, _SOURCE)


def _unrolled(came: dict[Node, tuple[_Arc, int, Node]], end: Node, start: Node) -> Iterator[tuple[_Arc, int]]:
    node = end
    while node != start:
        arc, direction, node = came[node]
        yield arc, direction
