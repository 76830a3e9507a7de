"""Database backend: PostgreSQL, with `PARTITION BY RANGE` for models that are marked so."""
