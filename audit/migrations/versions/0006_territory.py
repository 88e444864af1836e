"""The territory: places of exams, states that judged, and the marks of pathways sensitive to delay."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.String(27)


def upgrade() -> None:
    """Create empty registers: no record of an earlier program speaks of places nor of marks."""
    with op.batch_alter_table("assessments") as assessments:
        assessments.add_column(sa.Column("fast_track", sa.Text()))
        assessments.add_column(sa.Column("target_days", sa.Integer()))
    op.create_table(
        "places",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_places"),
    )
    op.create_table(
        "territories",
        sa.Column("seq", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_territories"),
    )
    op.create_index("ix_territories_digest", "territories", ["digest"])
