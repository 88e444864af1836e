"""Read the summary of activity, brought up to date first."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from pertimage.audit.store import Store
from pertimage.audit.summary.refresh import refresh
from pertimage.audit.summary_tables import activity_regions, activity_weeks

_w, _r = activity_weeks.c, activity_regions.c


def week_rows(store: Store, level: Collection[str], *where: ColumnElement[bool], fictitious: bool) -> list[Row[Any]]:
    """Return the rows of ``activity_weeks`` that tell ``site`` or ``modality`` apart, those in ``level``, in order of time."""
    told = [(_w[name] != "") if name in level else (_w[name] == "") for name in ("site", "modality")]
    query = select(activity_weeks).where(_w.fictitious == fictitious, *told, *where).order_by(_w.week, _w.site, _w.modality)
    refresh(store)
    with store.reader.connect() as connection:
        return list(connection.execute(query).all())


def spans(store: Store, *, fictitious: bool) -> dict[str, tuple[date, date]]:
    """Return the first and the last day with exams performed, in France, at each site."""
    query = select(_w.site, func.min(_w.first), func.max(_w.last)).where(_w.fictitious == fictitious, _w.site != "", _w.modality == "")
    refresh(store)
    with store.reader.connect() as connection:
        rows = connection.execute(query.group_by(_w.site)).all()
    return {site: (date.fromisoformat(first), date.fromisoformat(last)) for site, first, last in rows}


def regions(store: Store, *, fictitious: bool) -> list[str]:
    """Return the regions of the body that were imaged, the most frequent first."""
    query = select(_r.region, func.sum(_r.exams)).where(_r.fictitious == fictitious).group_by(_r.region)
    refresh(store)
    with store.reader.connect() as connection:
        rows = connection.execute(query).all()
    return [region for region, _ in sorted(rows, key=lambda row: (-row[1], row[0]))]


def region_rows(store: Store, region: str, *, fictitious: bool) -> list[Row[Any]]:
    """Return the rows of ``activity_regions`` of a region."""
    refresh(store)
    with store.reader.connect() as connection:
        return list(connection.execute(select(activity_regions).where(_r.fictitious == fictitious, _r.region == region)).all())
