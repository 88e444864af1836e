"""Reviews that a worklist reads off one index, with second opinions, postponements, versions, and what is said of the rules."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INSTANT = sa.String(27)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REGISTERS = ("exchanges", "reviews", "assessments", "requests", "feedback", "activity", "sites", "settings", "editions", "policies")


def upgrade() -> None:
    """Empty the registers: they are computed again from the journal when the store is next read."""
    for table in REGISTERS:
        op.execute(sa.delete(sa.table(table)))
    op.drop_index("ix_reviews_state", "reviews")
    with op.batch_alter_table("reviews") as reviews:
        reviews.add_column(sa.Column("alive", sa.Boolean(), nullable=False))
        reviews.add_column(sa.Column("rank", sa.Integer(), nullable=False))
        reviews.add_column(sa.Column("signed_at", INSTANT, nullable=False))
        reviews.add_column(sa.Column("site", sa.Text(), nullable=False))
        reviews.add_column(sa.Column("modality", sa.Text()))
        reviews.add_column(sa.Column("version", sa.Integer(), nullable=False))
        for name in ("act", "consulted", "pool"):
            reviews.add_column(sa.Column(name, sa.Text()))
        reviews.add_column(sa.Column("until", sa.String(10)))
    op.create_index("ix_reviews_alive_rank_signed_at_request", "reviews", ["alive", "rank", "signed_at", "request"])
    op.create_index("ix_reviews_at", "reviews", ["at"])
    op.create_table(
        "rule_opinions",
        sa.Column("seq", SEQUENCE, nullable=False, autoincrement=False),
        sa.Column("request", sa.Text(), sa.ForeignKey("requests.id", name="fk_rule_opinions_request_requests"), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("radiologist", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_rule_opinions"),
    )
    op.create_index("ix_rule_opinions_rule", "rule_opinions", ["rule"])
    op.execute(sa.update(sa.table("projection", sa.column("seq"))).values(seq=0))
