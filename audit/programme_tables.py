"""The registers of the programme: its calendar, the groups of prescribers, what else happened."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, String, Table, Text

from pertimage.audit.columns import Instant, Sequence, metadata

# The calendar in force: from when a site (``group`` empty), or a group of its prescribers, is silent, on, off; days (``YYYY-MM-DD``).
programme = Table(
    "programme",
    metadata,
    Column("site", Text, primary_key=True),
    Column("group", Text, primary_key=True),
    Column("silent_from", String(10)),
    Column("on_from", String(10)),
    Column("off_from", String(10)),
)

# The group of a prescriber (a pseudonym).
programme_groups = Table(
    "programme_groups",
    metadata,
    Column("prescriber", Text, primary_key=True),
    Column("group", Text, nullable=False),
)

# Each calendar put in force; ``seq`` is the journal record that holds it.
programme_versions = Table(
    "programme_versions",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# What else happened; ``site`` is empty when it concerned them all; days (``YYYY-MM-DD``).
programme_events = Table(
    "programme_events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("since", String(10), nullable=False),
    Column("until", String(10)),
    Column("words", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("cancelled", Boolean, nullable=False),
)
