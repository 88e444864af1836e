"""The versions of the sheets ever served: where the journal holds each of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create an empty register: no record of an earlier program speaks of sheets."""
    op.create_table(
        "editions",
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("guidelines", sa.Text(), nullable=False),
        sa.Column("since", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("sheet", "digest", name="pk_editions"),
    )
