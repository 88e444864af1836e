"""What the exams already done or ordered change for the one asked: repeats, doses received."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from pertimage.cds.dose import dose, dose_alerts, reached
from pertimage.cds.earlier import earlier_exams
from pertimage.cds.exams import ExamRecogniser
from pertimage.cds.model import Alert, Dose, ImagingRequest, Policy, PriorExam, TextPart
from pertimage.cds.redundancy import Now, Report, localised, repeats
from pertimage.cds.situations import opened
from pertimage.cds.text.reading import Reading, read
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.dose import DoseTable, Threshold
from pertimage.guidelines.redundancy import Redundancy
from pertimage.guidelines.schema import ExamForm


class History:
    """The earlier exams of a request, beside the exam that it asks for (``entry``) on a side."""

    def __init__(
        self,
        request: ImagingRequest,
        base: GuidelineBase,
        policy: Policy,
        reading: Reading,
        entry: ExamForm | None,
        laterality: str,
        exams: ExamRecogniser,
        named: Callable[[PriorExam], str | None],
    ) -> None:
        self._request, self._base, self._policy, self._reading, self._entry, self._laterality = (
            request, base, policy, reading, entry, laterality,
        )  # fmt: skip
        self.earlier = earlier_exams(request, entry, base.catalogue, exams, named)

    @cached_property
    def dose(self) -> Dose:
        """Return the dose of the exam asked, and what the earlier ones gave."""
        return dose(self._entry, self.earlier, self._base.catalogue)

    @cached_property
    def _reached(self) -> tuple[Threshold, ...]:
        table = self._base.tables.doses or DoseTable()
        return reached(self._entry, self.earlier, self._reading.facts, table, self._policy, self._base.catalogue)

    @property
    def vigilant(self) -> bool:
        """Say whether a threshold of dose is reached: then what has no rays is proposed first."""
        return bool(self._reached)

    def alerts(self, urgent: bool) -> tuple[Alert, ...]:
        """Return the alerts of repetition and of dose; before a red flag or an emergency (``urgent``) they only inform."""
        if self._entry is None:
            return ()
        doses = dose_alerts(self._reached, self._entry, self.earlier, self._base.catalogue, urgent)
        if not self.earlier:
            return tuple(doses)
        sheets = frozenset(sheet.id for sheet, _ in opened(self._base, self._reading, self._entry.id))
        now = Now(self._entry, self._laterality, sheets, self._reading.facts, urgent, self._report, self._base.sheets)
        table = localised(self._base.tables.redundancy or Redundancy(), self._policy)
        return (*repeats(self.earlier, now, table), *doses)

    def _report(self, prior: PriorExam) -> Report:
        """Read what the report of an earlier exam concluded."""
        told = ImagingRequest("", texts=(TextPart("report", prior.conclusion),), age=self._request.age, sex=self._reading.sex)
        seen = read(told, self._base.lexicon, self._base.openers)
        return Report(seen.facts, frozenset(sheet.id for sheet, _ in opened(self._base, seen, None)))
