"""Relation: the rows of a rollup that a report needs, as SQL: filters, and the coarsest grains that fit.

Whole UTC days are read from days, the rest at both ends from hours, and from quarters only what hours don't
cover. Buckets of a series are split at exactly the times that `Period.buckets` returns, so the two can't
disagree after clock changes. Sums of days in zones other than UTC are read from UTC days too
(`reports.query.grains`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain, pairwise
from typing import Any, NamedTuple

from django.db import connection

from events.lib.sql import Fetched, Parameters, compose, identifier, identifiers
from reports.filters import Filters
from reports.query import grains
from reports.query.grains import COARSEST_FIRST, Stretch, joined, stretches
from reports.rollups.columns import LONGEST, Bin
from reports.rollups.rollup import Grain, Rollup
from reports.rollups.statements import ORIGIN

Where = Mapping[str, str | int | Sequence[str] | Sequence[int]]
EVERYTHING: Where = {}
Key = Any  # by the dimension: a text, the id of an owner or a source, or a small number
Keys = tuple[Key, ...]
# The number of the stretch of time that a row is in, from 1 on: they begin at the parameter `starts`.
PLACE = "width_bucket(bucket, %(starts)s::timestamptz[])"

MOST_PIECES = 256  # of one statement, each a look into the index: planning them takes 70 ms

_FIXED = {"source": "source_id", "owner": "owner_id"}


class Relation(NamedTuple):
    """SQL that can replace a table, and its parameters."""

    sql: str
    parameters: Parameters


def pieces_between(times: Sequence[datetime]) -> list[Stretch]:
    """The time from the first to the last, in the coarsest grains that separate each two of them.

    Neighbours of one grain are joined. If that makes very many, all are in the one grain that separates them.
    """
    found = joined(chain.from_iterable(stretches(since, until) for since, until in pairwise(times)))
    if len(found) > MOST_PIECES:
        return [Stretch(min(piece.grain for piece in found), times[0], times[-1])]
    return found


def column(rollup: type[Rollup], name: str) -> str:
    """Return the column of a key by its name. `source` and `owner` are keys too."""
    if name in _FIXED:
        return _FIXED[name]
    if name not in {key.name for key in rollup.key_columns()}:
        raise ValueError(f"{rollup.__name__} has no key {name!r}")
    return name


def measure(rollup: type[Rollup], name: str) -> Any:
    """Return a measure by its name."""
    found = {each.name: each for each in rollup.measures()}
    if name not in found:
        raise ValueError(f"{rollup.__name__} has no measure {name!r}")
    return found[name]


def relation(
    rollup: type[Rollup],
    filters: Filters,
    where: Where,
    pieces: Sequence[Stretch],
    *,
    keys: Sequence[str] = (),
    measures: Sequence[str] = (),
) -> Relation:
    """Return the filtered rows in the stretches, with the requested columns."""
    names = {"bucket", *(column(rollup, key) for key in keys)}
    for name in measures:
        names |= measure(rollup, name).read()
    listed = identifiers(sorted(names))
    conditions, parameters = _conditions(rollup, filters, where)
    parts = []
    # A day that a zone skipped has no time, but can still be queried.
    nothing = Stretch(COARSEST_FIRST[-1], filters.period.since, filters.period.since)
    for place, piece in enumerate(pieces or (nothing,)):
        parts.append(
            compose(
                "SELECT {listed} FROM {table} WHERE {conditions} AND grain = {grain} AND {within}",
                listed=listed,
                table=identifier(rollup._meta.db_table),
                conditions=" AND ".join(conditions),
                grain=str(int(piece.grain)),
                within=f"bucket >= %(since{place})s AND bucket < %(until{place})s",
            )
        )
        parameters |= {f"since{place}": piece.since, f"until{place}": piece.until}
    return Relation(f"({' UNION ALL '.join(parts)}) AS made", parameters)


def of_period(
    rollup: type[Rollup],
    filters: Filters,
    where: Where,
    *,
    keys: Sequence[str] = (),
    measures: Sequence[str] = (),
) -> Relation:
    """Return the rows of the whole period."""
    pieces = list(stretches(filters.period.since, filters.period.until))
    return relation(rollup, filters, where, pieces, keys=keys, measures=measures)


def in_buckets(
    rollup: type[Rollup],
    filters: Filters,
    where: Where,
    starts: Sequence[datetime],
    *,
    keys: Sequence[str] = (),
    measures: Sequence[str] = (),
) -> Relation:
    """The rows of the period, so that PLACE tells which of the buckets that start at `starts` each is in.

    Those that differ in other keys are merged: PLACE is computed for fewer, in four fifths of the time.
    """
    wanted = [measure(rollup, name) for name in measures]
    days = grains.plan(starts, filters.period.until)
    if days.moved and (witness := grains.witness(rollup, wanted)):
        return _from_days(rollup, filters, where, starts, keys, sorted({*measures, witness}), days, witness)
    pieces = pieces_between([*starts, filters.period.until])
    made = relation(rollup, filters, where, pieces, keys=keys, measures=measures)
    parameters = {**made.parameters, "starts": list(starts)}
    if rollup.set_column():
        return Relation(made.sql, parameters)  # sets are merged where they are counted
    listed = identifiers(["bucket", *(column(rollup, key) for key in keys)])
    read = sorted(set[str]().union(*(measure(rollup, name).read() for name in measures)))
    merged = ", ".join(f'{measure(rollup, name).merged()} AS "{name}"' for name in read)
    grouped = compose(
        "(SELECT {listed}, {merged} FROM {made} GROUP BY {listed}) AS merged",
        listed=listed,
        merged=merged,
        made=made.sql,
    )
    return Relation(grouped, parameters)


# Hours moved to their local day from the UTC day that they were counted in. LATERAL with
# OFFSET has each piece read by the index; else the planner may read all hours and compare.
_MOVED = """
SELECT moved.at, moved.sign, {listed}
FROM unnest(%(moved_since{grain})s::timestamptz[], %(moved_until{grain})s::timestamptz[])
     AS piece (since, until)
CROSS JOIN LATERAL (
  SELECT bucket, {listed} FROM "{table}"
  WHERE {conditions} AND grain = {grain} AND bucket >= piece.since AND bucket < piece.until OFFSET 0) AS read
CROSS JOIN LATERAL (VALUES (bucket, 1), ({noon}, -1)) AS moved (at, sign)
"""
_NOON = f"date_bin('1 day', bucket, TIMESTAMPTZ '{ORIGIN}') + interval '12 hours'"
_PLACED = """(
SELECT (%(starts)s::timestamptz[])[width_bucket(at, %(starts)s::timestamptz[])] AS bucket{keys}, {sums}
FROM ({parts}) AS read WHERE at >= %(since)s AND at < %(until)s
GROUP BY width_bucket(at, %(starts)s::timestamptz[]){keys} HAVING sum(sign * "{witness}") > 0
) AS merged"""


def _from_days(
    rollup: type[Rollup],
    filters: Filters,
    where: Where,
    starts: Sequence[datetime],
    keys: Sequence[str],
    measures: Sequence[str],
    days: grains.Plan,
    witness: str,
) -> Relation:
    """Return the rows of the period by bucket, from whole UTC days, with hours moved to their buckets."""
    named = [f'"{column(rollup, key)}"' for key in keys]
    listed = ", ".join([*named, *(f'"{name}"' for name in measures)])
    conditions, parameters = _conditions(rollup, filters, where)
    table, condition = rollup._meta.db_table, " AND ".join(conditions)
    parts = []
    for place, piece in enumerate(days.plain):
        at = _NOON if piece.grain == Grain.DAY else "bucket"
        parts.append(
            compose(
                "SELECT {at} AS at, 1 AS sign, {listed} FROM {table}"
                " WHERE {condition} AND grain = {grain} AND {within}",
                at=at,
                listed=listed,
                table=identifier(table),
                condition=condition,
                grain=str(int(piece.grain)),
                within=f"bucket >= %(since{place})s AND bucket < %(until{place})s",
            )
        )
        parameters |= {f"since{place}": piece.since, f"until{place}": piece.until}
    for grain in {piece.grain for piece in days.moved}:
        moved = [piece for piece in days.moved if piece.grain == grain]
        parameters[f"moved_since{int(grain)}"] = [piece.since for piece in moved]
        parameters[f"moved_until{int(grain)}"] = [piece.until for piece in moved]
        parts.append(
            _MOVED.format(listed=listed, grain=int(grain), table=table, conditions=condition, noon=_NOON)
        )
    parameters |= {"starts": list(starts), "since": starts[0], "until": filters.period.until}
    sql = _PLACED.format(
        keys="".join(f", {name}" for name in named),
        sums=", ".join(f'sum(sign * "{name}") AS "{name}"' for name in measures),
        parts=" UNION ALL ".join(parts),
        witness=witness,
    )
    return Relation(sql, parameters)


def fetch(statement: Relation) -> list[Fetched]:
    """Fetch the rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.parameters)
        rows: list[Fetched] = cursor.fetchall()
        return rows


def _conditions(rollup: type[Rollup], filters: Filters, where: Where) -> tuple[list[str], Parameters]:
    if filters.owners is None:
        # A list, so that the index that begins with the owner can be used.
        conditions, parameters = ["owner_id = ANY(ARRAY(SELECT id FROM events_owner))"], Parameters()
    else:
        conditions, parameters = ["owner_id = ANY(%(owners)s)"], {"owners": list(filters.owners)}
    narrowed: dict[str, Sequence[Key]] = {"version": filters.versions, "country": filters.countries}
    if "kind" in {key.name for key in rollup.key_columns()}:
        narrowed["kind"] = filters.kinds
    is_bot = filters.bots.wanted(of_people=rollup.of_people)
    if is_bot is not None:
        conditions.append("is_bot" if is_bot else "NOT is_bot")
    if filters.sources:
        conditions.append("source_id = ANY(%(sources)s)")
        parameters["sources"] = list(filters.sources)
    wanted = [(name, values) for name, values in narrowed.items() if values]
    wanted += [(column(rollup, name), _listed(value)) for name, value in where.items()]
    bins = {key.column for key in rollup.key_columns() if isinstance(key, Bin)} | set(_FIXED.values())
    for place, (name, values) in enumerate(wanted):
        conditions.append(f'"{name}" = ANY(%(value{place})s)')
        parameters[f"value{place}"] = [value if name in bins else str(value)[:LONGEST] for value in values]
    return conditions, parameters


def _listed(value: Key | Sequence[str] | Sequence[int]) -> Sequence[Key]:
    return [value] if isinstance(value, (str, int)) else list(value)
