"""The patient page: its links, whose tokens are not kept, and what patients answer, which leads to nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

INSTANT = sa.String(27)
HASH = sa.String(64)


def upgrade() -> None:
    """Create empty registers: no record of an earlier program speaks of patient pages."""
    op.create_table(
        "patient_links",
        sa.Column("request", sa.Text(), sa.ForeignKey("requests.id", name="fk_patient_links_request_requests"), nullable=False),
        sa.Column("digest", HASH, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("informed_at", INSTANT),
        sa.Column("informed_in", sa.Text()),
        sa.PrimaryKeyConstraint("request", name="pk_patient_links"),
    )
    op.create_index("ix_patient_links_digest", "patient_links", ["digest"], unique=True)
    op.create_table(
        "patient_answers",
        sa.Column("key", HASH, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("understanding", sa.Integer()),
        sa.Column("delay", sa.Text()),
        sa.Column("explained", sa.Text()),
        sa.Column("renounced", sa.Boolean()),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_patient_answers"),
    )
    op.create_index("ix_patient_answers_month", "patient_answers", ["month"])
