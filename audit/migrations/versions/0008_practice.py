"""Practice reports asked for, their monthly mails, self-assessments and group sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

INSTANT = sa.String(27)


def upgrade() -> None:
    """Create empty registers: no record of an earlier program speaks of them."""
    op.create_table(
        "practices",
        sa.Column("prescriber", sa.Text(), nullable=False),
        sa.Column("setting", sa.Text(), nullable=False),
        sa.Column("mail", sa.Boolean(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("prescriber", name="pk_practices"),
    )
    op.create_table(
        "report_mails",
        sa.Column("prescriber", sa.Text(), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("prescriber", "month", name="pk_report_mails"),
    )
    op.create_table(
        "lessons",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("guidelines", sa.Text(), nullable=False),
        sa.Column("questions", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("until", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_lessons"),
    )
    op.create_index("ix_lessons_owner_at", "lessons", ["owner", "at"])
    op.create_table(
        "lesson_answers",
        sa.Column("lesson", sa.Text(), sa.ForeignKey("lessons.id", name="fk_lesson_answers_lesson_lessons"), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("right", sa.Boolean(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("lesson", "rank", "who", name="pk_lesson_answers"),
    )
