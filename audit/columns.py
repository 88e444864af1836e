"""What the tables of the store share: their metadata, and the types of their columns."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only makes a rowid of a column typed exactly INTEGER.
Sequence = BigInteger().with_variant(Integer(), "sqlite")
Instant = String(27)
Hash = String(64)
Week = String(10)
