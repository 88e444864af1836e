"""The registers of the evaluation: activity imports, extracts for researchers, the satisfaction survey."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, Text

from pertimage.audit.columns import Hash, Instant, Sequence, metadata

# Which column says what in the exports of a site ("": of a file that names its sites); ``document`` is JSON.
import_mappings = Table(
    "import_mappings",
    metadata,
    Column("site", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# Each import that changed something; ``report`` is its quality report (JSON: counts and codes, no label of the file).
imports = Table(
    "imports",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("author", Text, nullable=False),
    Column("sites", Text, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("report", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# Each extract made for researchers; ``since`` and ``until`` are months (``YYYY-MM``), empty for no bound, ``sites`` names parted by commas.
extracts = Table(
    "extracts",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("form", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("since", String(7), nullable=False),
    Column("until", String(7), nullable=False),
    Column("sites", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("digest", Hash, nullable=False),
    Column("fictitious", Boolean, nullable=False),
)

# Campaigns of the satisfaction survey: ``subject`` is what is judged; days (``YYYY-MM-DD``), the last one included.
surveys = Table(
    "surveys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", Sequence, nullable=False),
    Column("title", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("opens", String(10), nullable=False),
    Column("closes", String(10), nullable=False),
    Column("author", Text, nullable=False),
)

# What professionals answered: ``key`` is a keyed digest of campaign and account and leads to nobody without the secret; no instant is kept.
# ``sus`` is the ten answers, 1 to 5, in the order of the questions; ``reasons`` codes parted by commas. Left without answer: NULL.
survey_answers = Table(
    "survey_answers",
    metadata,
    Column("survey", Text, ForeignKey("surveys.id"), primary_key=True),
    Column("key", Hash, primary_key=True),
    Column("role", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("sus", String(10), nullable=False),
    Column("speed", Integer),
    Column("usefulness", Integer),
    Column("trust", Integer),
    Column("overriding", Text),
    Column("reasons", Text, nullable=False),
)
