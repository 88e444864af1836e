"""What requests lack and the alerts they raise, taken from the journal for those there are; the satisfaction survey."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DAY = sa.String(10)
_AT_ONCE = 1_000


def upgrade() -> None:
    """Create the registers, and fill those of requests: each row of ``requests`` names the record of its last assessment."""
    missing_items = op.create_table(
        "missing_items",
        sa.Column("seq", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", "rank", "item", name="pk_missing_items"),
        sqlite_with_rowid=False,
    )
    alerts = op.create_table(
        "alerts",
        sa.Column("seq", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", "rank", "kind", "severity", name="pk_alerts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "surveys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("seq", SEQUENCE, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("opens", DAY, nullable=False),
        sa.Column("closes", DAY, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_surveys"),
    )
    op.create_table(
        "survey_answers",
        sa.Column("survey", sa.Text(), sa.ForeignKey("surveys.id", name="fk_survey_answers_survey_surveys"), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("sus", sa.String(10), nullable=False),
        sa.Column("speed", sa.Integer()),
        sa.Column("usefulness", sa.Integer()),
        sa.Column("trust", sa.Integer()),
        sa.Column("overriding", sa.Text()),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("survey", "key", name="pk_survey_answers"),
    )
    _fill(missing_items, alerts)


def _fill(missing_items: sa.Table, alerts: sa.Table) -> None:
    requests = sa.table("requests", sa.column("seq", SEQUENCE))
    journal = sa.table("journal", sa.column("seq", SEQUENCE), sa.column("payload", sa.Text()))
    of_requests = sa.select(requests.c.seq, journal.c.payload).join(journal, journal.c.seq == requests.c.seq)
    for rows in op.get_bind().execute(of_requests.execution_options(yield_per=_AT_ONCE)).partitions():
        lacking: dict[tuple[int, int, str], tuple[bool, str]] = {}
        raised: dict[tuple[int, int, str, str], None] = {}
        for seq, payload in rows:
            for rank, judged in enumerate(json.loads(payload)["assessments"]):
                for one in judged.get("missing", ()):
                    lacking[seq, rank, one["item"]] = one["blocking"], one.get("level", "clinical")
                raised |= dict.fromkeys((seq, rank, one["kind"], one["severity"]) for one in judged.get("alerts", ()))
        _insert(missing_items, [(*key, *said) for key, said in lacking.items()])
        _insert(alerts, list(raised))


def _insert(table: sa.Table, rows: list[tuple[object, ...]]) -> None:
    names = [column.name for column in table.columns]
    if rows:
        op.bulk_insert(table, [dict(zip(names, row, strict=True)) for row in rows])
