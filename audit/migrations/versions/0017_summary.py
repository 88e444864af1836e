"""The summary of activity that the evaluation pages read; it is computed from the exams there are when first needed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DAY = sa.String(10)


def upgrade() -> None:
    """Create the tables, empty, and say that they show nothing yet."""
    summary = op.create_table(
        "activity_summary",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", SEQUENCE),
        sa.Column("forgotten", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_activity_summary"),
    )
    op.create_table(
        "activity_changes",
        sa.Column("seq", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_activity_changes"),
    )
    op.create_table(
        "activity_cells",
        *_cell(),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("hours", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("fictitious", "week", "site", "modality", name="pk_activity_cells"),
    )
    op.create_table(
        "activity_weeks",
        *_cell(),
        *_counts(),
        sa.Column("waits", sa.Integer(), nullable=False),
        sa.Column("wait_median", sa.Float()),
        sa.Column("wait_p90", sa.Float()),
        sa.Column("outcomes", sa.Text(), nullable=False),
        sa.Column("first", DAY, nullable=False),
        sa.Column("last", DAY, nullable=False),
        sa.PrimaryKeyConstraint("fictitious", "week", "site", "modality", name="pk_activity_weeks"),
    )
    op.create_table(
        "activity_regions",
        *_cell(),
        sa.Column("region", sa.Text(), nullable=False),
        *_counts(),
        sa.PrimaryKeyConstraint("fictitious", "week", "site", "modality", "region", name="pk_activity_regions"),
    )
    op.bulk_insert(summary, [{"id": 1, "seq": None, "forgotten": 0}])


def _cell() -> list[sa.Column[Any]]:
    week, site, modality = (
        sa.Column(name, kind, nullable=False) for name, kind in (("week", DAY), ("site", sa.Text()), ("modality", sa.Text()))
    )
    return [sa.Column("fictitious", sa.Boolean(), nullable=False), week, site, modality]


def _counts() -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in ("exams", "irradiating", "irradiation_known")]
