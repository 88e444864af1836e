"""Who wants to be told of answers by mail, and the mails made."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

INSTANT = sa.String(27)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create empty registers: no record of an earlier program speaks of them."""
    op.create_table(
        "notification_choices",
        sa.Column("prescriber", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("told", SEQUENCE, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("prescriber", name="pk_notification_choices"),
    )
    op.create_table(
        "notifications",
        sa.Column("seq", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("prescriber", sa.Text(), nullable=False),
        sa.Column("after", SEQUENCE, nullable=False),
        sa.Column("through", SEQUENCE, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_notifications"),
    )
    op.create_index("ix_notifications_prescriber_seq", "notifications", ["prescriber", "seq"])
    op.create_index("ix_notifications_state_seq", "notifications", ["state", "seq"])
    op.create_table(
        "notification_reminders",
        sa.Column("question", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("notification", SEQUENCE, nullable=False),
        sa.PrimaryKeyConstraint("question", name="pk_notification_reminders"),
    )
