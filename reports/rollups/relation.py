"""Relation: the rows of a rollup that a report is about, as SQL: filters, and the coarsest grains that do.

Whole UTC days inside a stretch of time are read from days, what is left at its ends from hours, and from
quarters only what hours don't reach. Buckets of a series are told apart by the very times that
`Period.buckets` gives, so the two can't disagree, whatever clocks did.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, pairwise
from typing import Any, NamedTuple

from django.db import connection

from reports.filters import Filters
from reports.rollups.columns import LONGEST, Bin
from reports.rollups.rollup import Grain, Rollup
from reports.rollups.statements import start_of

Where = Mapping[str, str | int | Sequence[str] | Sequence[int]]
EVERYTHING: Where = {}
# The number of the stretch of time that a row is in, from 1 on: they begin at the parameter `starts`.
PLACE = "width_bucket(bucket, %(starts)s::timestamptz[])"

MOST_PIECES = 256  # of one statement, each a look into the index: planning them takes 70 ms

_COARSEST_FIRST = tuple(sorted(Grain, reverse=True))
_FIXED = {"source": "source_id", "owner": "owner_id"}


class Stretch(NamedTuple):
    """A stretch of time that is read in one grain."""

    grain: Grain
    since: datetime
    until: datetime


class Relation(NamedTuple):
    """SQL that stands where a table may stand, and its parameters."""

    sql: str
    parameters: dict[str, Any]


def stretches(
    since: datetime, until: datetime, grains: Sequence[Grain] = _COARSEST_FIRST
) -> Iterator[Stretch]:
    """A stretch of time in pieces, each in the coarsest grain that fits."""
    if since >= until:
        return
    grain, *finer = grains
    if not finer:
        yield Stretch(grain, since, until)
        return
    first = start_of(since + timedelta(minutes=grain, microseconds=-1), grain)
    last = start_of(until, grain)
    if first >= last:
        yield from stretches(since, until, finer)
        return
    yield from stretches(since, first, finer)
    yield Stretch(grain, first, last)
    yield from stretches(last, until, finer)


def pieces_between(times: Sequence[datetime]) -> list[Stretch]:
    """The time from the first to the last, in the coarsest grains that tell apart what is between each two,
    neighbours of one grain joined. Where that is very many, all in the one grain that does.
    """
    found: list[Stretch] = []
    for piece in chain.from_iterable(stretches(since, until) for since, until in pairwise(times)):
        if found and found[-1].grain == piece.grain and found[-1].until == piece.since:
            found[-1] = found[-1]._replace(until=piece.until)
        else:
            found.append(piece)
    if len(found) > MOST_PIECES:
        return [Stretch(min(piece.grain for piece in found), times[0], times[-1])]
    return found


def column(rollup: type[Rollup], name: str) -> str:
    """The column of a key by its name; `source` and `owner` are keys too."""
    if name in _FIXED:
        return _FIXED[name]
    if name not in {key.name for key in rollup.key_columns()}:
        raise ValueError(f"{rollup.__name__} has no key {name!r}")
    return name


def measure(rollup: type[Rollup], name: str) -> Any:
    """A measure by its name."""
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
    """The rows in the pieces that the filters leave, with the columns that are asked for."""
    names = {"bucket", *(column(rollup, key) for key in keys)}
    for name in measures:
        names |= measure(rollup, name).read()
    listed = ", ".join(f'"{name}"' for name in sorted(names))
    conditions, parameters = _conditions(rollup, filters, where)
    parts = []
    # A day that a zone leapt over has no time, but is a question all the same.
    nothing = Stretch(_COARSEST_FIRST[-1], filters.period.since, filters.period.since)
    for place, piece in enumerate(pieces or (nothing,)):
        parts.append(
            f'SELECT {listed} FROM "{rollup._meta.db_table}" WHERE {" AND ".join(conditions)}'  # noqa: S608
            f" AND grain = {int(piece.grain)}"
            f" AND bucket >= %(since{place})s AND bucket < %(until{place})s"
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
    """The rows of the whole period."""
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
    pieces = pieces_between([*starts, filters.period.until])
    made = relation(rollup, filters, where, pieces, keys=keys, measures=measures)
    parameters = {**made.parameters, "starts": list(starts)}
    if rollup.set_column():
        return Relation(made.sql, parameters)  # sets are merged where they are counted
    listed = ", ".join(["bucket", *(f'"{column(rollup, key)}"' for key in keys)])
    read = sorted(set[str]().union(*(measure(rollup, name).read() for name in measures)))
    merged = ", ".join(f'{measure(rollup, name).merged()} AS "{name}"' for name in read)
    return Relation(f"(SELECT {listed}, {merged} FROM {made.sql} GROUP BY {listed}) AS merged", parameters)  # noqa: S608


def fetch(statement: Relation) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _conditions(rollup: type[Rollup], filters: Filters, where: Where) -> tuple[list[str], dict[str, Any]]:
    if filters.owners is None:
        # A list, so that the index that begins with the owner serves.
        conditions, parameters = ["owner_id = ANY(ARRAY(SELECT id FROM events_owner))"], dict[str, Any]()
    else:
        conditions, parameters = ["owner_id = ANY(%(owners)s)"], {"owners": list(filters.owners)}
    narrowed: dict[str, Any] = {"version": filters.versions, "country": filters.countries}
    if "kind" in {key.name for key in rollup.key_columns()}:
        narrowed["kind"] = filters.kinds
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


def _listed(value: Any) -> Sequence[Any]:
    return [value] if isinstance(value, (str, int)) else list(value)
