"""The quality of an import: what is missing, impossible or repeated, breaks in the weekly series, coding that changed.

Everything is counted as the lines pass; no value of a line is kept, except the labels and codes that were not recognised, for the
report that its owner reads (``report(words=True)``), never for the store.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from statistics import median
from typing import Any

from pertimage.audit.imports.columns import Field
from pertimage.audit.imports.exam_names import How

WEEK = timedelta(days=7)
MOST_TRACKED = 2_000_000  # exams whose repetition is looked for; beyond, it is no longer
_MOST_WORDS = 20_000
_MOST_SHOWN = 100
# What makes a change of level, a parameter proposed by this project: the medians of 8 weeks before and after differ by
# 30 % at least and by three times what weeks usually differ (median deviation, at least the chance of a count).
WINDOW, LEAST_CHANGE, LEAST_LEVEL, DEVIATIONS = 8, 0.30, 5, 3.0
_TO_SIGMA = 1.4826
# A coding appears or vanishes: 20 lines at least, none in the 8 first or last weeks of the file.
LEAST_CODED = 20


@dataclass(slots=True)
class Quality:
    """Counts of an import under way; ``fields`` are those that the file has."""

    fields: Sequence[Field]
    lines: int = 0
    kept: int = 0
    missing: Counter[Field] = field(default_factory=Counter)
    impossible: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    how: Counter[How] = field(default_factory=Counter)
    series: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    words: dict[str, list[Any]] = field(default_factory=dict)
    repeated: int = 0
    contradicted: int = 0
    _numbers: set[int] = field(default_factory=set)
    _whole: set[int] = field(default_factory=set)

    def reject(self, reason: str) -> None:
        """Count a rejected line."""
        self.lines += 1
        self.rejected[reason] += 1

    def keep(self, key: tuple[str, str], row: tuple[Any, ...], *, exam: str | None, modality: str, how: How, word: str, day: str) -> None:
        """Count a line kept; ``word`` is how the file says its exam, ``day`` the local day of its performance (empty: not known)."""
        self.lines += 1
        self.kept += 1
        self.how[how] += 1
        number = hash(key)
        if number in self._numbers:
            same = hash(row) in self._whole
            self.repeated += same
            self.contradicted += not same
        elif len(self._numbers) < MOST_TRACKED:
            self._numbers.add(number)
        if len(self._whole) < MOST_TRACKED:
            self._whole.add(hash(row))
        week = monday_of(day) if day else ""
        if week:
            self.series[key[0], modality, week] += 1
        if word:
            self._seen(word, week, exam)

    def _seen(self, word: str, week: str, exam: str | None) -> None:
        known = self.words.get(word)
        if known is None:
            if len(self.words) < _MOST_WORDS:
                self.words[word] = [1, week, week, exam]
        else:
            known[0] += 1
            if week:
                known[1] = min(known[1] or week, week)
                known[2] = max(known[2], week)
        if exam is None and (word in self.unknown or len(self.unknown) < _MOST_WORDS):
            self.unknown[word] += 1

    def report(self, *, words: bool = False) -> dict[str, Any]:
        """Return the report as JSON: counts and codes; with ``words`` also the labels that were not recognised, by frequency."""
        coding = coding_changes(self.words, {week for _, _, week in self.series})
        found: dict[str, Any] = {
            "lines": self.lines, "kept": self.kept, "rejected": dict(self.rejected.most_common()),
            "missing": {str(name): self.missing[name] for name in self.fields}, "impossible": dict(self.impossible.most_common()),
            "notes": dict(self.notes.most_common()), "duplicates": {"identical": self.repeated, "different": self.contradicted},
            "recognised": {str(how): self.how[how] for how in How}, "unknown_words": len(self.unknown),
            "breaks": breaks(self.series),
            "coding": [{**{key: one[key] for key in ("change", "week", "lines", "exam")}, **({"word": one["word"]} if words else {})} for one in coding],
        }  # fmt: skip
        if words:
            found["unknown"] = [{"word": word, "lines": count} for word, count in self.unknown.most_common(_MOST_SHOWN)]
        return found


@lru_cache(maxsize=4096)
def monday_of(day: str) -> str:
    """Return the Monday (``YYYY-MM-DD``) of the week of a local day."""
    at = date.fromisoformat(day)
    return (at - timedelta(days=at.weekday())).isoformat()


def breaks(series: Mapping[tuple[str, str, str], int]) -> list[dict[str, Any]]:
    """Return the breaks of the weekly counts by site and technique: weeks without any line, changes of level.

    The first and the last week of a site, which may be cut, are left out.
    """
    grouped: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    spans: dict[str, set[str]] = defaultdict(set)
    for (site, modality, week), count in series.items():
        grouped[site, modality][week] = count
        spans[site].add(week)
    found = []
    for (site, modality), counts in sorted(grouped.items()):
        weeks = _weeks(min(spans[site]), max(spans[site]))[1:-1]
        values = [counts.get(week, 0) for week in weeks]
        if len(values) < 4 or median(values) < LEAST_LEVEL:
            continue
        for start, length in _empty(values):
            found.append({"site": site, "modality": modality, "kind": "empty", "week": weeks[start], "weeks": length})
        for place, before, after in _levels(values):
            found.append({"site": site, "modality": modality, "kind": "level", "week": weeks[place], "before": before, "after": after})
    return found


def _weeks(first: str, last: str) -> list[str]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(start + WEEK * number).isoformat() for number in range((end - start).days // 7 + 1)]


def _empty(values: Sequence[int]) -> Iterable[tuple[int, int]]:
    start = None
    for place, value in enumerate([*values, 1]):
        if value == 0 and start is None:
            start = place
        elif value and start is not None:
            yield start, place - start
            start = None


def _levels(values: Sequence[int]) -> Iterable[tuple[int, float, float]]:
    """Yield where the level changes: of neighbouring places, the one where the change is the largest."""
    scores: list[tuple[float, int, float, float]] = []
    for place in range(WINDOW, len(values) - WINDOW + 1):
        left, right = values[place - WINDOW : place], values[place : place + WINDOW]
        before, after = median(left), median(right)
        spread = median([abs(value - before) for value in left] + [abs(value - after) for value in right])
        noise = max(_TO_SIGMA * spread, max(before, after, 1.0) ** 0.5)
        if abs(after - before) >= DEVIATIONS * noise * (2 / WINDOW) ** 0.5 * 1.25 and abs(after - before) >= LEAST_CHANGE * max(
            before, 1.0
        ):
            scores.append((abs(sum(right) - sum(left)), place, float(before), float(after)))
    taken: list[int] = []
    for _, place, before, after in sorted(scores, reverse=True):
        if all(abs(place - other) >= WINDOW for other in taken):
            taken.append(place)
            yield place, before, after


def coding_changes(words: Mapping[str, Sequence[Any]], weeks: Iterable[str]) -> list[dict[str, Any]]:
    """Return the labels and codes that appear after the first weeks of a file or vanish before the last ones."""
    known = sorted(weeks)
    if len(known) < 2 * WINDOW + 2:
        return []
    early, late = known[WINDOW], known[-WINDOW - 1]
    found = []
    for word, (count, first, last, exam) in words.items():
        if count < LEAST_CODED or not first:
            continue
        if first > early:
            found.append({"change": "appears", "week": first, "lines": count, "exam": exam, "word": word})
        if last < late:
            found.append({"change": "vanishes", "week": last, "lines": count, "exam": exam, "word": word})
    return sorted(found, key=lambda one: (-one["lines"], one["word"]))[:_MOST_SHOWN]
