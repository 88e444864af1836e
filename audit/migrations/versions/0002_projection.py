"""The registers follow the journal: where they stand, and in ``requests`` the journal record instead of a copy of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REGISTERS = ("exchanges", "reviews", "assessments", "requests", "feedback", "activity", "sites", "settings")


def upgrade() -> None:
    """Empty the registers: they are computed again from the journal when the store is next read."""
    for table in REGISTERS:
        op.execute(sa.delete(sa.table(table)))
    with op.batch_alter_table("requests") as requests:
        requests.add_column(sa.Column("seq", SEQUENCE, nullable=False))
        requests.drop_column("request")
        requests.drop_column("assessments")
    projection = op.create_table(
        "projection",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("seq", SEQUENCE, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projection"),
    )
    op.bulk_insert(projection, [{"id": 1, "seq": 0}])
