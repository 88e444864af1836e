"""First schema: journal, chain head, registers, and the triggers that make the journal append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.String(27)
HASH = sa.String(64)
GENESIS = "0" * 64

# REPLACE deletes without firing the DELETE trigger: the INSERT trigger only accepts the next number.
SQLITE_TRIGGERS = (
    "CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END",
    "CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END",
    "CREATE TRIGGER journal_next_only BEFORE INSERT ON journal "
    "WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal) "
    "BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END",
)
POSTGRESQL_TRIGGERS = (
    "CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'journal is append-only'; END $$",
    "CREATE TRIGGER journal_no_change BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION journal_refuse()",
    "CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse()",
)


def upgrade() -> None:
    """Create everything."""
    _journal()
    _requests()
    _reviews()
    _evaluation()
    for statement in SQLITE_TRIGGERS if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_TRIGGERS:
        op.execute(statement)


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", SEQUENCE, nullable=False, autoincrement=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("prev_hash", HASH, nullable=False),
        sa.Column("hash", HASH, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_journal"),
    )
    head = op.create_table(
        "journal_head",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("seq", SEQUENCE, nullable=False),
        sa.Column("hash", HASH, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal_head"),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": GENESIS}])


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("prescriber", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text()),
        sa.Column("hook", sa.Text(), nullable=False),
        sa.Column("exam_text", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("assessments", sa.Text(), nullable=False),
        sa.Column("guidelines", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("exam", sa.Text()),
        sa.Column("modality", sa.Text()),
        sa.Column("pathway", sa.Text()),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_week", sa.String(10), nullable=False),
        sa.Column("signed_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
    )
    op.create_index("ix_requests_prescriber_created_at", "requests", ["prescriber", "created_at"])
    op.create_index("ix_requests_created_week", "requests", ["created_week"])
    op.create_table(
        "assessments",
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("exam", sa.Text()),
        sa.Column("modality", sa.Text()),
        sa.Column("irradiating", sa.Boolean()),
        sa.Column("rule", sa.Text()),
        sa.Column("pathway", sa.Text()),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_assessments_request_requests"),
        sa.PrimaryKeyConstraint("request", "rank", name="pk_assessments"),
    )
    op.create_index("ix_assessments_rule", "assessments", ["rule"])


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("radiologist", sa.Text()),
        sa.Column("exam", sa.Text()),
        sa.Column("question", sa.Text()),
        sa.Column("answer", sa.Text()),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("claimed_at", INSTANT),
        sa.Column("decided_at", INSTANT),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_reviews_request_requests"),
        sa.PrimaryKeyConstraint("request", name="pk_reviews"),
    )
    op.create_index("ix_reviews_state", "reviews", ["state"])
    op.create_table(
        "exchanges",
        sa.Column("seq", SEQUENCE, nullable=False, autoincrement=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text()),
        sa.Column("exam", sa.Text()),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_exchanges_request_requests"),
        sa.PrimaryKeyConstraint("seq", name="pk_exchanges"),
    )
    op.create_index("ix_exchanges_request", "exchanges", ["request"])
    op.create_table(
        "feedback",
        sa.Column("seq", SEQUENCE, nullable=False, autoincrement=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("request", sa.Text()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_feedback"),
    )
    op.create_index("ix_feedback_card", "feedback", ["card"])


def _evaluation() -> None:
    op.create_table(
        "activity",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("accession", HASH, nullable=False),
        sa.Column("patient", sa.Text()),
        sa.Column("age_band", sa.Text()),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("exam", sa.Text()),
        sa.Column("region", sa.Text()),
        sa.Column("irradiating", sa.Boolean()),
        sa.Column("requested_at", INSTANT),
        sa.Column("scheduled_at", INSTANT),
        sa.Column("performed_at", INSTANT),
        sa.Column("reported_at", INSTANT),
        sa.Column("fictitious", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("performed_week", sa.String(10)),
        sa.Column("wait_hours", sa.Integer()),
        sa.PrimaryKeyConstraint("site", "accession", name="pk_activity"),
    )
    op.create_index("ix_activity_performed_week", "activity", ["performed_week"])
    op.create_table(
        "sites",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("go_live", sa.String(10)),
        sa.Column("fictitious", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sites"),
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )
