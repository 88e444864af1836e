"""Subscriptions of prescription programs, and which program sent each request."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.String(27)


def upgrade() -> None:
    """Create empty tables; which program sent the requests of an earlier one is not known."""
    with op.batch_alter_table("requests") as requests:
        requests.add_column(sa.Column("client", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("requesters", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("start", SEQUENCE, nullable=False),
        sa.Column("cursor", SEQUENCE, nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
    )
    op.create_index("ix_subscriptions_client", "subscriptions", ["client"])
    op.create_table(
        "subscription_channels",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failing_since", INSTANT),
        sa.Column("retry_at", INSTANT),
        sa.Column("sent_at", INSTANT),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("lease_by", sa.Text()),
        sa.Column("lease_until", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_subscription_channels"),
    )
