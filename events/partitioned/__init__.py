"""Database backend: PostgreSQL, with `PARTITION BY RANGE` for marked models."""
