"""Alembic migrations of the store, run by ``pertimage.audit.store``."""
