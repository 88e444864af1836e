"""The calendar of the programme, and the mode in which each request was judged."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.String(27)
DAY = sa.String(10)


def upgrade() -> None:
    """Create empty registers; every request of an earlier program was judged aloud."""
    with op.batch_alter_table("requests") as requests:
        requests.add_column(sa.Column("mode", sa.Text(), nullable=False, server_default="on"))
    op.create_table(
        "programme",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("silent_from", DAY),
        sa.Column("on_from", DAY),
        sa.Column("off_from", DAY),
        sa.PrimaryKeyConstraint("site", "group", name="pk_programme"),
    )
    op.create_table(
        "programme_groups",
        sa.Column("prescriber", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("prescriber", name="pk_programme_groups"),
    )
    op.create_table(
        "programme_versions",
        sa.Column("seq", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_programme_versions"),
    )
    op.create_table(
        "programme_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("since", DAY, nullable=False),
        sa.Column("until", DAY),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_programme_events"),
    )
