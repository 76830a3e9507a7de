"""Verification of rollups: compares rows with what events and sessions give now.

One week of an owner at a time, each in its own snapshot, with the statements that aggregate. Quarters are
compared with events and sessions, hours with the stored quarters, days with the stored hours. Pending
quarters are left out, because they are late, not wrong. So are those without events any more.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection, transaction

from reports.rollups import statements
from reports.rollups.columns import Members
from reports.rollups.folding import without_limits
from reports.rollups.rebuilding import Step, is_sealed
from reports.rollups.rollup import Grain, Rollup, rollups
from reports.rollups.statements import Span

SHOWN = 10  # rows of each rollup and grain


class Difference(NamedTuple):
    """Rows of a rollup that are wrong."""

    rollup: str
    grain: Grain
    found: int  # those that are stored and should not be, and those that should be and are not
    rows: list[dict[str, Any]]  # the first of them, by column; `row` is stored or recomputed


class Verified(NamedTuple):
    """The result of a step."""

    differences: list[Difference]
    waiting: int  # pending quarters, which aren't compared


# ALL, because a duplicate row differs from a single one.
_DIFFERENCES = """
WITH kept (grain, {columns}) AS ({kept}), made (grain, {columns}) AS ({made}), difference AS (
  SELECT 'stored' AS "row", excess.* FROM (SELECT * FROM kept EXCEPT ALL SELECT * FROM made) excess
  UNION ALL
  SELECT 'recomputed', lack.* FROM (SELECT * FROM made EXCEPT ALL SELECT * FROM kept) lack
)
SELECT count(*) OVER (), "row", {shown} FROM difference d{condition}
ORDER BY {keys}, "row" DESC LIMIT {limit}
"""
_IS_FOLDED = (
    " WHERE NOT EXISTS (SELECT FROM events_touchedquarter t WHERE t.owner_id = d.owner_id"
    " AND t.quarter = d.bucket AND t.of_sessions = {})"
)
_WAITING = """
SELECT count(DISTINCT quarter) FROM events_touchedquarter
WHERE owner_id = %(owner)s AND quarter >= %(since)s AND quarter < %(until)s
"""


def verify(step: Step) -> Verified:
    """Compare the rows of a step in one snapshot. Don't call it inside another transaction."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        without_limits()
        return Verified(list(differences(step)), _waiting(step))


def differences(step: Step) -> Iterator[Difference]:
    """Yield the wrong rows of a step, by rollup and grain."""
    given = statements.parameters([Span(*step)])
    sealed = is_sealed(step)
    for rollup in rollups():
        for grain in Grain:
            if sealed and grain == Grain.QUARTER and not rollup.of_sessions:
                continue
            names = ["row", *_named(rollup)]
            with connection.cursor() as cursor:
                cursor.execute(statement(rollup, grain), given)
                rows = cursor.fetchall()
            if rows:
                found = [dict(zip(names, row[1:], strict=True)) for row in rows]
                yield Difference(str(rollup._meta.model_name), grain, rows[0][0], found)


def statement(rollup: type[Rollup], grain: Grain) -> str:
    """Return the statement for the rows that differ, and their number."""
    columns = statements.columns(rollup)
    keys = columns[: 3 + len(rollup.key_columns())]
    is_finest = grain == Grain.QUARTER
    return _DIFFERENCES.format(
        columns=_listed(columns),
        kept=statements.kept(rollup, grain),
        made=statements.made(rollup) if is_finest else statements.merged(rollup, grain),
        shown=", ".join(_named(rollup).values()),
        condition=_IS_FOLDED.format(rollup.of_sessions) if is_finest else "",
        keys=_listed(keys),
        limit=SHOWN,
    )


def _named(rollup: type[Rollup]) -> dict[str, str]:
    """Return the SQL of the values shown for a row, by name. Sets are shown by their size."""
    sets = {field.column for field in rollup.measures() if isinstance(field, Members)}
    return {
        name: f'cardinality("{name}")' if name in sets else f'"{name}"' for name in statements.columns(rollup)
    }


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _waiting(step: Step) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"owner": step.owner_id, "since": step.since, "until": step.until})
        (found,) = cursor.fetchone()
        return int(found)
