"""Sites switched on at different dates, added together: weeks are counted from each site's own go-live. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pertimage.audit.change import Change, compare

WEEK = timedelta(days=7)
# Exams, irradiating exams, exams whose technique says whether it irradiates: by site and Monday.
Counts = Mapping[tuple[str, date], tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Pooled:
    """Change of a volume (exams per week, all sites added) and of the share (0 to 1) of irradiating exams."""

    modality: str | None
    volume: Change
    irradiating: Change


def pooled(go_lives: Mapping[str, date], weeks: Sequence[date], counts: Counts, modality: str | None = None) -> Pooled:
    """Compare both sides of the go-lives on the weeks, by rank from the go-live, that every site has.

    ``weeks`` are the Mondays of the weeks that the data cover; the week of a go-live in mid-week is left out.
    """
    before: list[list[int]] = []
    after: list[list[int]] = []
    for rank in _ranks(go_lives, weeks):
        parts = [counts.get((site, first_monday(day) + WEEK * rank), (0, 0, 0)) for site, day in go_lives.items()]
        (before if rank < 0 else after).append([sum(part) for part in zip(*parts, strict=True)])
    volumes = [[float(exams) for exams, _, _ in side] for side in (before, after)]
    shares = [[irradiating / known for _, irradiating, known in side if known] for side in (before, after)]
    return Pooled(modality, compare(*volumes), compare(*shares))


def first_monday(day: date) -> date:
    """Return the first Monday on or after a day."""
    return day + timedelta(days=-day.weekday() % 7)


def _ranks(go_lives: Mapping[str, date], weeks: Sequence[date]) -> list[int]:
    if not go_lives or not weeks:
        return []
    starts = [(first_monday(day) - weeks[0]).days // 7 for day in go_lives.values()]
    straddled = any(day.weekday() for day in go_lives.values())
    return [rank for rank in range(-min(starts), len(weeks) - max(starts)) if not (straddled and rank == -1)]
