"""Verification of rollups: are the rows those that events and sessions give now?

A week of an owner at a time, each in a snapshot of its own, by the statements that fold: quarters are
compared with what events and sessions give, hours with the stored quarters, days with the stored hours.
Quarters that wait to be folded are left out: they are behind, not wrong. So are those whose events are gone.
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
    """Rows of a rollup that are not as they should be."""

    rollup: str
    grain: Grain
    found: int  # those that are stored and should not be, and those that should be and are not
    rows: list[dict[str, Any]]  # the first of them, by column; `row` is stored or recomputed


class Verified(NamedTuple):
    """The result of a step."""

    differences: list[Difference]
    waiting: int  # quarters that are not compared, since they are to be folded


# ALL: a row that is there twice differs from one that is there once.
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
    """Compare the rows of a step, all that is read as of one moment. Not inside another transaction."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        without_limits()
        return Verified(list(differences(step)), _waiting(step))


def differences(step: Step) -> Iterator[Difference]:
    """Where the rows of a step are not as they should be, by rollup and grain."""
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
    """The statement that gives the rows that differ, and how many there are."""
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
    """The SQL of what is shown of a row, by name: of a set, how many are in it."""
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
