"""Restitution of results: what was said of the report of each request, and since when a site speaks of its reports."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.String(27)


def upgrade() -> None:
    """Create empty registers: no record of an earlier program speaks of restitution."""
    op.create_table(
        "restitutions",
        sa.Column("seq", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("request", sa.Text(), sa.ForeignKey("requests.id", name="fk_restitutions_request_requests"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amended", sa.Boolean(), nullable=False),
        sa.Column("performed_on", sa.String(10)),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("cancelled_at", INSTANT),
        sa.Column("cancelled_by", sa.Text()),
        sa.Column("cancelled_side", sa.Text()),
        sa.PrimaryKeyConstraint("seq", name="pk_restitutions"),
    )
    op.create_index("ix_restitutions_request", "restitutions", ["request"])
    op.create_index("ix_restitutions_kind_happened_at", "restitutions", ["kind", "happened_at"])
    op.create_table(
        "restitution_sites",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_restitution_sites"),
    )
