"""Imports of activity: when the report was given to the patient, who the patient is (sex, rural), which act was paid, the mappings of exports, the imports made."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

INSTANT = sa.String(27)


def upgrade() -> None:
    """Add what no record of an earlier program tells: empty registers, and an instant that is not known."""
    op.add_column("activity", sa.Column("given_at", INSTANT))
    op.add_column("activity", sa.Column("sex", sa.String(1)))
    op.add_column("activity", sa.Column("rural", sa.Boolean()))
    op.add_column("activity", sa.Column("ccam", sa.String(7)))
    op.create_table(
        "import_mappings",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_import_mappings"),
    )
    op.create_table(
        "imports",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("sites", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_imports"),
    )
