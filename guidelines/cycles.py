"""Rings in what builds on what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

LONGEST = 6  # names in a ring; longer ones hold shorter ones in practice


def cycles(links: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Yield every ring of names, once, from the name written first; a name that leads to itself is a ring of one."""
    inner = _without_ends(links)
    order = {name: rank for rank, name in enumerate(inner)}
    for start in inner:
        waiting = [[start]]
        while waiting:
            path = waiting.pop()
            for name in inner[path[-1]]:
                if name == start:
                    yield path
                elif order[name] > order[start] and name not in path and len(path) < LONGEST:
                    waiting.append([*path, name])


def _without_ends(links: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the links less the names that lead nowhere or that nothing leads to, over and over: what is left holds the rings."""
    kept = {name: list(others) for name, others in links.items()}
    while True:
        led = {other for others in kept.values() for other in others}
        fewer = {name: [o for o in others if o in kept] for name, others in kept.items() if name in led}
        fewer = {name: others for name, others in fewer.items() if others}
        if fewer == kept:
            return kept
        kept = fewer
