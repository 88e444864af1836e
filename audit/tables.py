"""The tables of the store: one journal, and the registers that derive from it.

Instants are text in UTC, always ``YYYY-MM-DDTHH:MM:SS.ffffffZ`` (27 characters): the same on every engine, and their
alphabetical order is their order in time. ``*_week`` columns hold the Monday of the ISO week, ``YYYY-MM-DD``.
Registers can be emptied and rebuilt; the journal cannot be altered (triggers, hash chain).
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from pertimage.audit.columns import Hash, Instant, Sequence, Week
from pertimage.audit.columns import metadata as metadata
from pertimage.audit.evaluation_tables import extracts, import_mappings, imports, survey_answers, surveys
from pertimage.audit.programme_tables import programme, programme_events, programme_groups, programme_versions
from pertimage.audit.summary_tables import SUMMARY as SUMMARY
from pertimage.audit.telling_tables import notification_choices, notification_reminders, notifications, subscriptions

journal = Table(
    "journal",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("prev_hash", Hash, nullable=False),
    Column("hash", Hash, nullable=False),
)

# One row (id 1): the last record. Writers lock it, so that several processes append to one chain.
journal_head = Table(
    "journal_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Sequence, nullable=False),
    Column("hash", Hash, nullable=False),
)

# One row (id 1): the last record that the registers show. Whoever projects locks it, so that each record is projected once.
projection = Table(
    "projection",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Sequence, nullable=False),
)

# ``seq`` is the journal record of the last assessment: the request and the advice in full are read there.
requests = Table(
    "requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", Sequence, nullable=False),
    Column("reference", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("prescriber", Text, nullable=False),
    Column("patient", Text),
    Column("hook", Text, nullable=False),
    Column("exam_text", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("guidelines", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("exam", Text),
    Column("modality", Text),
    Column("pathway", Text),
    Column("priority", Text, nullable=False),
    Column("flagged", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_week", Week, nullable=False),
    Column("signed_at", Instant),
    Column("mode", Text, nullable=False, server_default="on"),
    Column("client", Text, nullable=False, server_default=""),
    Index(None, "prescriber", "created_at"),
    Index(None, "created_week"),
)

assessments = Table(
    "assessments",
    metadata,
    Column("request", Text, ForeignKey("requests.id"), primary_key=True),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("outcome", Text, nullable=False),
    Column("exam", Text),
    Column("modality", Text),
    Column("irradiating", Boolean),
    Column("rule", Text),
    Column("pathway", Text),
    Column("fast_track", Text),
    Column("target_days", Integer),
    Column("flagged", Boolean, nullable=False),
    Index(None, "rule"),
)

# What an exam judged lacks: only what is missing has a row; ``level`` is a ``Missing.level``. ``seq`` is that of the request in ``requests``: its
# last assessment. A whole number that only grows costs the writer a third of what the id of the request would.
missing_items = Table(
    "missing_items",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("item", Text, primary_key=True),
    Column("blocking", Boolean, nullable=False),
    Column("level", Text, nullable=False),
    sqlite_with_rowid=False,
)

# The alerts of an exam judged, without their words: several of a kind and a severity are one row.
alerts = Table(
    "alerts",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("severity", Text, primary_key=True),
    sqlite_with_rowid=False,
)

# ``alive`` (somebody is still expected to act), ``rank`` (the most pressing first), ``signed_at``, ``site`` and ``modality`` are the request's: the worklist is read off one index.
# ``version`` counts the changes; ``act`` names the last decision, so that one sent twice is known again. ``consulted`` or ``pool``
# is who was asked for a second opinion; ``until`` (``YYYY-MM-DD``) when a postponed request comes back.
reviews = Table(
    "reviews",
    metadata,
    Column("request", Text, ForeignKey("requests.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("alive", Boolean, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("signed_at", Instant, nullable=False),
    Column("site", Text, nullable=False),
    Column("modality", Text),
    Column("version", Integer, nullable=False),
    Column("act", Text),
    Column("decision", Text),
    Column("reason", Text),
    Column("radiologist", Text),
    Column("consulted", Text),
    Column("pool", Text),
    Column("exam", Text),
    Column("question", Text),
    Column("answer", Text),
    Column("until", String(10)),
    Column("opened_at", Instant, nullable=False),
    Column("claimed_at", Instant),
    Column("decided_at", Instant),
    Column("at", Instant, nullable=False),
    Index(None, "alive", "rank", "signed_at", "request"),
    Index(None, "at"),
)

# What a radiologist says of the rule on deciding: ``opinion`` is a ``RuleVerdict``.
rule_opinions = Table(
    "rule_opinions",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("request", Text, ForeignKey("requests.id"), nullable=False),
    Column("rule", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("opinion", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("radiologist", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "rule"),
)

# What was said on a request, in order; ``seq`` is that of the journal record.
exchanges = Table(
    "exchanges",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("request", Text, ForeignKey("requests.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("decision", Text),
    Column("exam", Text),
    Index(None, "request"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("card", Text, nullable=False),
    Column("request", Text),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "card"),
)

# Evaluation data: keyed hashes and an age band, no identity, no free text.
activity = Table(
    "activity",
    metadata,
    Column("site", Text, primary_key=True),
    Column("accession", String(64), primary_key=True),
    Column("patient", Text),
    Column("age_band", Text),
    Column("modality", Text, nullable=False),
    Column("exam", Text),
    Column("region", Text),
    Column("irradiating", Boolean),
    Column("requested_at", Instant),
    Column("scheduled_at", Instant),
    Column("performed_at", Instant),
    Column("reported_at", Instant),
    Column("fictitious", Boolean, nullable=False),
    Column("outcome", Text),
    Column("performed_week", Week),
    Column("wait_hours", Integer),
    Column("given_at", Instant),
    Column("sex", String(1)),
    Column("rural", Boolean),
    Column("ccam", String(7)),
    Index(None, "performed_week"),
)

sites = Table(
    "sites",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("go_live", String(10)),
    Column("fictitious", Boolean, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# Each version of a sheet ever served; ``seq`` is the journal record that holds it whole, ``since`` when it was first served.
editions = Table(
    "editions",
    metadata,
    Column("sheet", Text, primary_key=True),
    Column("digest", Hash, primary_key=True),
    Column("seq", Sequence, nullable=False),
    Column("guidelines", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

# Each policy put in force; ``seq`` is the journal record that holds its text.
policies = Table(
    "policies",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("digest", Hash, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "digest"),
)

# What the committee decided of a rule (``<sheet>/<rule>``).
rule_decisions = Table(
    "rule_decisions",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("rule", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "rule"),
)

# Where exams are done: ``document`` is the place as its catalogue describes it (JSON).
places = Table(
    "places",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# Each state of the territory that judged; ``seq`` is the journal record that holds it.
territories = Table(
    "territories",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("digest", Hash, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "digest"),
)

# Prescribers who asked for a practice report (``prescriber`` is a pseudonym), the setting that they declare, and the mails made.
practices = Table(
    "practices",
    metadata,
    Column("prescriber", Text, primary_key=True),
    Column("setting", Text, nullable=False),
    Column("mail", Boolean, nullable=False),
    Column("terms", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

report_mails = Table(
    "report_mails",
    metadata,
    Column("prescriber", Text, primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("at", Instant, nullable=False),
)

# Self-assessments and group sessions (those that have an end): ``questions`` is JSON, pairs of a sheet and the digest of a vignette.
lessons = Table(
    "lessons",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("guidelines", Text, nullable=False),
    Column("questions", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("until", Instant),
    Index(None, "owner", "at"),
)

lesson_answers = Table(
    "lesson_answers",
    metadata,
    Column("lesson", Text, ForeignKey("lessons.id"), primary_key=True),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("who", Text, primary_key=True),
    Column("choice", Text, nullable=False),
    Column("right", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
)

# The patient page of a request: ``digest`` is that of its token, which nobody keeps; ``informed_at`` is when the patient said it was read.
patient_links = Table(
    "patient_links",
    metadata,
    Column("request", Text, ForeignKey("requests.id"), primary_key=True),
    Column("digest", Hash, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("informed_at", Instant),
    Column("informed_in", Text),
    Index(None, "digest", unique=True),
)

# What patients answered: ``key`` comes from the token alone and leads to no request. ``month`` is ``YYYY-MM`` in Paris, ``reasons`` codes
# parted by commas, ``changes`` how many times an answer was sent. A question left without answer is NULL.
patient_answers = Table(
    "patient_answers",
    metadata,
    Column("key", Hash, primary_key=True),
    Column("site", Text, nullable=False),
    Column("month", String(7), nullable=False),
    Column("language", Text, nullable=False),
    Column("understanding", Integer),
    Column("delay", Text),
    Column("explained", Text),
    Column("renounced", Boolean),
    Column("reasons", Text, nullable=False),
    Column("changes", Integer, nullable=False),
    Index(None, "month"),
)

# What was said of the report of a request (see ``restitution``): ``who`` is a role, ``performed_on`` the day of the exam, ``source`` a keyed hash of
# the number of a report, ``act`` what names an entry sent twice. An entry cancelled keeps its row.
restitutions = Table(
    "restitutions",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("request", Text, ForeignKey("requests.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("amended", Boolean, nullable=False),
    Column("performed_on", String(10)),
    Column("side", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("cancelled_at", Instant),
    Column("cancelled_by", Text),
    Column("cancelled_side", Text),
    Index(None, "request"),
    Index(None, "kind", "happened_at"),
)

# Since when the imaging side of a site says when its reports are there: before, silence means nothing.
restitution_sites = Table(
    "restitution_sites",
    metadata,
    Column("site", Text, primary_key=True),
    Column("since", Instant, nullable=False),
)

# In an order in which rows can be deleted without breaking a foreign key.
REGISTERS = (
    survey_answers,
    surveys,
    lesson_answers,
    lessons,
    notification_choices,
    notifications,
    notification_reminders,
    practices,
    report_mails,
    patient_answers,
    patient_links,
    restitutions,
    restitution_sites,
    rule_opinions,
    rule_decisions,
    exchanges,
    reviews,
    missing_items,
    alerts,
    assessments,
    requests,
    feedback,
    activity,
    import_mappings,
    imports,
    sites,
    settings,
    editions,
    policies,
    places,
    territories,
    programme,
    programme_groups,
    programme_versions,
    programme_events,
    subscriptions,
    extracts,
)
