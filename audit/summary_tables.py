"""The summary of activity: what the evaluation pages read instead of the exams themselves (decision 14).

It is no register: it derives from ``activity`` and may be thrown away at any time. In ``activity_weeks`` an empty ``site`` or
``modality`` means all of them together.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, String, Table, Text, update

from pertimage.audit.columns import Sequence, Week, metadata

_DAY = String(10)

# One row (id 1): the last journal record that the summary shows, NULL until it is computed from the exams; how many times it was forgotten.
activity_summary = Table(
    "activity_summary",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Sequence),
    Column("forgotten", Integer, nullable=False),
)

# What a record of activity adds to the summary and takes from it (JSON), until the summary shows it.
activity_changes = Table(
    "activity_changes",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
)

# The exams of a week, site and technique: ``counts`` (JSON) by region, irradiation and outcome, ``days`` (JSON) from Monday to Sunday;
# ``hours`` are all their waits in order, whole numbers of two bytes, or four when the first byte says so.
activity_cells = Table(
    "activity_cells",
    metadata,
    Column("fictitious", Boolean, primary_key=True),
    Column("week", Week, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("modality", Text, primary_key=True),
    Column("counts", Text, nullable=False),
    Column("days", Text, nullable=False),
    Column("hours", LargeBinary, nullable=False),
)

# What is shown: waits in hours, ``outcomes`` is JSON, ``first`` and ``last`` are the days with exams at both ends of the week.
activity_weeks = Table(
    "activity_weeks",
    metadata,
    Column("fictitious", Boolean, primary_key=True),
    Column("week", Week, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("modality", Text, primary_key=True),
    Column("exams", Integer, nullable=False),
    Column("irradiating", Integer, nullable=False),
    Column("irradiation_known", Integer, nullable=False),
    Column("waits", Integer, nullable=False),
    Column("wait_median", Float),
    Column("wait_p90", Float),
    Column("outcomes", Text, nullable=False),
    Column("first", _DAY, nullable=False),
    Column("last", _DAY, nullable=False),
)

activity_regions = Table(
    "activity_regions",
    metadata,
    Column("fictitious", Boolean, primary_key=True),
    Column("week", Week, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("modality", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("exams", Integer, nullable=False),
    Column("irradiating", Integer, nullable=False),
    Column("irradiation_known", Integer, nullable=False),
)

# Has the summary computed again from the exams when it is next read.
FORGET = update(activity_summary).values(seq=None, forgotten=activity_summary.c.forgotten + 1)

SUMMARY = (activity_changes, activity_cells, activity_weeks, activity_regions)
