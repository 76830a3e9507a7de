"""Helpers for tests of rollups: tables as values, folding pending quarters, rebuilding everything."""

from typing import Any

from django.db import connection
from django.utils import timezone

from reports.rollups import rebuilding
from reports.rollups.folding import fold_block
from reports.rollups.rollup import Rollup, rollups

Rows = list[tuple[Any, ...]]


def fold_due() -> int:
    """Fold all pending quarters, and return their number."""
    total = 0
    while folded := fold_block(timezone.now()):
        total += folded
    return total


def rebuild() -> None:
    for step in rebuilding.steps(None, None, None):
        rebuilding.rebuild(step)


def rows_of(rollup: type[Rollup]) -> Rows:
    """Return the ordered contents of a rollup, without primary keys."""
    names = [field.column for field in rollup._meta.concrete_fields if field.column != "id"]
    listed = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT {listed} FROM "{rollup._meta.db_table}" ORDER BY {listed}')
        found: Rows = cursor.fetchall()
        return found


def dump() -> dict[str, Rows]:
    """Return the ordered contents of all rollups."""
    return {rollup.__name__: rows_of(rollup) for rollup in rollups()}
