"""Pathways sensitive to delay: the mark that a request is to be imaged fast, and within how many days."""

from __future__ import annotations

from pertimage.cds.logic import holds
from pertimage.cds.model import FastTrack, Outcome
from pertimage.cds.situations import Conclusion
from pertimage.guidelines.pathways import Pathways

_TO_BE_DONE = frozenset((Outcome.APPROPRIATE, Outcome.ALTERNATIVE))


def fast_track(table: Pathways | None, conclusion: Conclusion, outcome: Outcome) -> FastTrack | None:
    """Return the mark of a request that keeps an exam to be done; None when no row of the table is about it."""
    if table is None or outcome not in _TO_BE_DONE:
        return None
    flagged = any(not flag.emergency for flag in conclusion.raised)
    sheet, rule = conclusion.sheet.id, f"{conclusion.sheet.id}/{conclusion.rule.id}"
    for row in table.rows:
        about = rule in row.rules or (sheet in row.sheets and rule not in row.but)
        if about and (flagged or not row.flagged) and holds(row.condition, conclusion.facts) is True:
            return FastTrack(row.id, row.label, row.days, str(row.basis))
    return None
