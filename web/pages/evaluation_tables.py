"""The tables of the evaluation page: what each chart shows, in figures, with small counts hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pertimage.audit.comparison import Metric
from pertimage.audit.disclosure import MASKED, SMALL, share, shown, shown_row
from pertimage.audit.indicators import ExamWeek
from pertimage.audit.review import Decision
from pertimage.cds.model import Outcome
from pertimage.web.alignment import Pooled
from pertimage.web.charts import COLOURS
from pertimage.web.findings import Finding, finding, percent
from pertimage.web.measures import Asked, Measures
from pertimage.web.pages import french
from pertimage.web.pages.advice import LOOKS
from pertimage.web.pages.evaluation_drawings import compared, findings_of, irradiating_points, technique, volume_texts, wait_points

DECIDED = {
    Decision.APPROVE: "validés", Decision.APPROVE_WITH_PROTOCOL: "validés avec un protocole", Decision.SUBSTITUTE: "remplacés par un autre",
    Decision.REFUSE: "refusés", Decision.POSTPONE: "reportés",
}  # fmt: skip
METRICS = (Metric.VOLUME, Metric.WAIT_MEDIAN, Metric.WAIT_P90, Metric.IRRADIATING)


@dataclass(frozen=True, slots=True)
class AdviceShare:
    """One advice: its words and look, how many exams got it, and their share, as published."""

    words: str
    look: str
    icon: str
    count: str
    share: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A site or a technique and its findings, in the order of ``METRICS``; None where a metric means nothing."""

    label: str
    note: str
    findings: tuple[Finding | None, ...]


@dataclass(frozen=True, slots=True)
class WeekRow:
    """A week and its cells, as published."""

    week: str
    monday: date
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """What the service itself saw: lines signed, flagged, sent to the emergency department, and the radiologists' decisions."""

    signed: str
    flagged: str
    emergency: str
    decisions: tuple[tuple[str, str], ...]


def advice_shares(measured: Measures, site: str | None, modality: str | None) -> list[AdviceShare]:
    """Return the advice given since the go-live, what the guidance could not score first; empty when nothing was judged."""
    found = measured.outcomes(site, modality)
    order = list(COLOURS)
    counts = [found.counts.get(outcome, 0) for outcome in order]
    if not found.judged:
        return []
    texts = shown_row(counts)
    return [_advice(outcome, text, count, found.judged) for outcome, text, count in zip(order, texts, counts, strict=True)]


def _advice(outcome: Outcome, text: str, count: int, judged: int) -> AdviceShare:
    look, icon = LOOKS[outcome]
    return AdviceShare(
        french.capital(outcome.french), look, icon, spaced(text), percent(share(count, judged) if text.isdecimal() else None)
    )


def change_rows(measured: Measures, site: str | None, modality: str | None) -> list[ChangeRow]:
    """Return the before/after findings, site by site when none is chosen, else technique by technique."""
    columns = [dict(compared(measured, metric, site, modality)) for metric in METRICS]
    notes = {one.name: f"depuis le {french.day(one.go_live)}" for one in measured.sites if one.go_live}
    if site is not None:
        return [ChangeRow(label, "", tuple(column.get(label) for column in columns)) for label in columns[0]]
    witness = f"jamais équipé ; comparé autour du {french.day(measured.median_go_live)}" if measured.median_go_live else ""
    rows = [ChangeRow(label, notes.get(label, witness), tuple(column.get(label) for column in columns)) for label in columns[0]]
    if len(measured.go_lives) < 2:
        return rows
    together = _pooled(measured.together(None, modality))
    note = "semaines comptées depuis chaque mise en service"
    return [ChangeRow("Sites équipés, ensemble", note, (together[0], None, None, together[1])), *rows]


def substitution_rows(measured: Measures, site: str | None, region: str) -> list[ChangeRow]:
    """Return the change of each technique in one region of the body, all techniques first."""
    return [ChangeRow(technique(one.modality), "", (_pooled(one)[0],)) for one in measured.substitution(site, region)]


def _pooled(one: Pooled) -> tuple[Finding, Finding]:
    return finding(Metric.VOLUME, one.volume), finding(Metric.IRRADIATING, one.irradiating)


def conclusions(measured: Measures, site: str | None, modality: str | None) -> list[tuple[str, str]]:
    """Return, with their tones, the sentences that the page states first: of the site chosen, or of the equipped sites together."""
    if site is None:
        volume, irradiating = _pooled(measured.together(None, modality))
        stated = [(volume.tone, volume.sentence())] + ([] if modality else [(irradiating.tone, irradiating.sentence())])
        return [*stated, ("", sentence)] if (sentence := tally(measured, modality)) else stated
    waited = modality or measured.longest
    about = "" if modality else technique(waited)
    wanted = [(Metric.VOLUME, modality, ""), (Metric.WAIT_MEDIAN, waited, about), (Metric.WAIT_P90, waited, about)]
    wanted += [] if modality else [(Metric.IRRADIATING, None, "")]
    found = ((findings_of(measured, metric, site, of).get((site, of)), words) for metric, of, words in wanted)
    return [(one.tone, one.sentence(words)) for one, words in found if one is not None]


def tally(measured: Measures, modality: str | None) -> str:
    """Return, in one sentence, at how many equipped sites the median wait fell, rose, or did neither."""
    waited = modality or measured.longest
    found = findings_of(measured, Metric.WAIT_MEDIAN, None, waited)
    tones = [one.tone for (site, _), one in found.items() if site in measured.go_lives]
    words = {"down": "baisse", "up": "hausse", "none": "pas d'effet démontré", "refused": "comparaison impossible"}
    parts = [f"{said} sur {count} site{'s' if count > 1 else ''}" for tone, said in words.items() if (count := tones.count(tone))]
    return f"Délai médian ({technique(waited)}) : {', '.join(parts)}." if parts else ""


def volume_weeks(measured: Measures, site: str | None) -> list[WeekRow]:
    """Return the exams of each week: all of them, then each technique."""
    totals = measured.series(site, None)
    rows = zip(measured.weeks, totals, volume_texts(measured, site), strict=True)
    return [_week(monday, [shown(week.exams) if week else "", *(texts if week else [""] * len(texts))]) for monday, week, texts in rows]


def wait_weeks(measured: Measures, site: str | None, modalities: list[str]) -> list[WeekRow]:
    """Return the median and ninth decile of each week's waits, by technique, in days."""
    columns = [wait_points(measured, site, modality) for modality in modalities]
    return [
        _week(monday, [_wait(point.value, point.high) for point in points])
        for monday, points in zip(measured.weeks, zip(*columns, strict=True), strict=True)
    ]


def irradiating_weeks(measured: Measures, site: str | None) -> list[WeekRow]:
    """Return the share of irradiating exams of each week."""
    return [_week(point.week, [percent(point.value)]) for point in irradiating_points(measured, site)]


def _wait(median: float | None, p90: float | None) -> str:
    return f"{french.number(median)} ({french.number(p90)})" if median is not None and p90 is not None else MASKED


def _week(monday: date, cells: list[str]) -> WeekRow:
    return WeekRow(iso_week(monday), monday, tuple(cells))


def iso_week(monday: date) -> str:
    """Return the ISO week of a Monday: « 2026-S07 »."""
    year, week, _ = monday.isocalendar()
    return f"{year}-S{week:02d}"


def seen(asked: Asked, site: str | None) -> Activity | None:
    """Return what was signed in the service, None when nothing was."""
    weeks = [week for week in asked.weeks if site in (None, week.site)]
    if not weeks:
        return None
    of_sites = [decisions for name, decisions in asked.decisions.items() if site in (None, name)]
    decided = [(words, sum(decisions.get(decision, 0) for decisions in of_sites)) for decision, words in DECIDED.items()]
    taken = [(words, count) for words, count in decided if count]
    texts = shown_row([count for _, count in taken])
    signed, flagged, emergency = (sum(getattr(week, name) for week in weeks) for name in ("requests", "flagged", "emergency"))
    return Activity(shown(signed), shown(flagged), shown(emergency), tuple(zip((words for words, _ in taken), texts, strict=True)))


HEADINGS = (
    "semaine", "lundi", "site", "technique", "examens", "irradiants", "delais_connus", "delai_median_jours", "delai_p90_jours", "juges",
    *(outcome.value for outcome in COLOURS), "fictif",
)  # fmt: skip


def csv_rows(measured: Measures, site: str | None, modality: str | None) -> Iterator[tuple[str, ...]]:
    """Yield the aggregated series, one line per week, site and technique; small counts are hidden as on the page."""
    yield HEADINGS
    for one in measured.sites:
        if site not in (None, one.id):
            continue
        columns = [(code, measured.series(one.id, code)) for code in measured.modalities_of(one.id)]
        texts = volume_texts(measured, one.id)
        for rank, monday in enumerate(measured.weeks):
            for (code, weeks), exams in zip(columns, texts[rank], strict=True):
                if modality in (None, code) and (week := weeks[rank]) is not None:
                    yield (
                        iso_week(monday),
                        monday.isoformat(),
                        one.id,
                        code,
                        exams,
                        *_csv_cells(week),
                        "oui" if measured.fictitious else "non",
                    )


def _csv_cells(week: ExamWeek) -> tuple[str, ...]:
    known = week.irradiation_known
    rays = shown_row([week.irradiating, known - week.irradiating])[0]
    enough = week.waits > SMALL
    median, p90 = (_decimal(value) if enough else "" for value in (week.wait_median, week.wait_p90))
    counts = [week.outcomes.counts.get(outcome, 0) for outcome in COLOURS]
    return rays, shown(week.waits), median, p90, shown(week.outcomes.judged), *shown_row(counts)


def _decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".replace(".", ",")


def spaced(text: str) -> str:
    """Return a published count with its thousands apart."""
    return french.number(int(text), 0) if text.isdecimal() else text
