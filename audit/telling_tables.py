"""The registers of who is told of answers: prescribers by mail, their software by subscription."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from pertimage.audit.columns import Instant, Sequence, metadata

# Prescribers who want to be told of answers by mail: ``told`` is the journal record up to which they were.
notification_choices = Table(
    "notification_choices",
    metadata,
    Column("prescriber", Text, primary_key=True),
    Column("how", Text, nullable=False),
    Column("told", Sequence, nullable=False),
    Column("since", Instant, nullable=False),
)

# The mails made: what they told of (the records after ``after`` and up to ``through``), and what became of them.
notifications = Table(
    "notifications",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("prescriber", Text, nullable=False),
    Column("after", Sequence, nullable=False),
    Column("through", Sequence, nullable=False),
    Column("at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "prescriber", "seq"),
    Index(None, "state", "seq"),
)

# The questions reminded of, and the mail that did.
notification_reminders = Table(
    "notification_reminders",
    metadata,
    Column("question", Sequence, primary_key=True, autoincrement=False),
    Column("notification", Sequence, nullable=False),
)

# What programs asked to be told of; ``document`` is what was asked (JSON), ``start`` and ``cursor`` are journal records.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("requesters", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("start", Sequence, nullable=False),
    Column("cursor", Sequence, nullable=False),
    Column("events", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "client"),
)

# What is operational of them, and no register: the secret of the channel, who delivers now, when to try again.
subscription_channels = Table(
    "subscription_channels",
    metadata,
    Column("id", Text, primary_key=True),
    Column("headers", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("retry_at", Instant),
    Column("sent_at", Instant),
    Column("error", Text, nullable=False),
    Column("lease_by", Text),
    Column("lease_until", Instant),
)
