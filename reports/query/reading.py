"""Reading: the few queries that pages need of rollups, returning plain data.

All of them take a rollup (a class of `reports.rollups.models`), the reader's filters, and `where`: further
conditions on keys, as in `{"code": "E1"}` or `{"level": ["ERROR", "FATAL"]}`. Keys are the names of the
rollup's keys and `source` and `owner`, whose values are the ids. An absent text is ''. `filters.kinds`
narrows the rollups that have a key `kind`; the others are about kinds of their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from events.lib.sql import Fetched, Parameters, compose
from reports.filters import Filters
from reports.query.relation import (
    EVERYTHING,
    PLACE,
    Key,
    Keys,
    Relation,
    Where,
    column,
    fetch,
    in_buckets,
    measure,
    of_period,
)
from reports.rollups import histograms
from reports.rollups.columns import Count, Total, Whole, plain
from reports.rollups.rollup import Rollup

Value = Any  # int, float, str, datetime or None, by the measure
Measures = dict[str, Value]


class Part(NamedTuple):
    """A measure of only those rows that match `where`, with a separate name."""

    name: str
    measure: str
    where: Where = EVERYTHING


Wanted = Sequence[str | Part]  # measures by their names, and parts of them


@dataclass(frozen=True, slots=True)
class Row:
    """One row of `top`: the values of the requested keys in order, and the measures by name."""

    keys: Keys
    measures: Measures


@dataclass(frozen=True, slots=True)
class Top:
    """Some rows, and the total number."""

    rows: tuple[Row, ...]
    of: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a series: its key, and the measures of the buckets that have any."""

    key: Key | None  # None: all, or all others
    points: dict[datetime, Measures]
    is_rest: bool = False


def totals(rollup: type[Rollup], filters: Filters, measures: Wanted, where: Where = EVERYTHING) -> Measures:
    """Return measures over the whole period. Sums of no rows are 0, other measures None."""
    parts = _parts(measures)
    made = of_period(rollup, filters, where, keys=_keys((), parts), measures=_named(parts))
    return aggregated(rollup, made, (), parts)[0].measures


def top(
    rollup: type[Rollup],
    filters: Filters,
    keys: Sequence[str],
    measures: Wanted,
    order: str = "",
    limit: int | None = 20,
    where: Where = EVERYTHING,
) -> Top:
    """Return measures for each combination of keys, all or the first `limit` in an order.

    `order` is a key, a measure or a quotient of two (`passed/attempts`), with `-` for descending; by default
    the first measure, descending. Ties are ordered by the keys, so that the result is stable.
    """
    parts = _parts(measures)
    made = of_period(rollup, filters, where, keys=_keys(keys, parts), measures=_named(parts))
    columns = [f'"{column(rollup, key)}"' for key in keys]
    tail = f" ORDER BY {_order(rollup, order or f'-{parts[0].name}', keys, parts)}"
    if limit is not None:
        tail += f" LIMIT {int(limit)}"
    found = fetch(_merging(rollup, made, columns, parts, further=", count(*) OVER ()", tail=tail))
    rows = _rows(rollup, [row[:-1] for row in found], len(keys), parts)
    return Top(tuple(rows), found[0][-1] if found else 0)


def series(
    rollup: type[Rollup],
    filters: Filters,
    measures: Wanted,
    by: str | None = None,
    most: int = 8,
    where: Where = EVERYTHING,
) -> list[Line]:
    """Return measures for each bucket of the period, by the granularity of the filters.

    `by` a key: a line for each of the `most` values with the greatest first measure, greatest first, and one
    for all others together, if there are others.
    """
    starts = filters.period.buckets(filters.granularity)
    parts = _parts(measures)
    leaders = (
        [row.keys[0] for row in top(rollup, filters, [by], measures, limit=most, where=where).rows]
        if by
        else []
    )
    read = _keys([by] if by else (), parts)
    made = in_buckets(rollup, filters, where, starts, keys=read, measures=_named(parts))
    made.parameters["leaders"] = leaders
    keys = [PLACE]
    if by:
        keys.append(f'CASE WHEN "{column(rollup, by)}" = ANY(%(leaders)s) THEN "{column(rollup, by)}" END')
    points: dict[Key | None, dict[datetime, Measures]] = {key: {} for key in [*leaders, None]}
    for row in aggregated(rollup, made, keys, parts, tail=" ORDER BY 1"):
        points[row.keys[1] if by else None][starts[row.keys[0] - 1]] = row.measures
    lines = [Line(key, points[key]) for key in leaders]
    if not by or points[None]:
        lines.append(Line(None, points[None], is_rest=bool(by)))
    return lines


def histogram(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> dict[int, int]:
    """Return how many values are in each bin of a rollup with a key `bin` and a measure `count`."""
    made = of_period(rollup, filters, where, keys=["bin"], measures=["count"])
    return {row.keys[0]: row.measures["count"] for row in aggregated(rollup, made, ["bin"], ["count"])}


def quantiles(
    rollup: type[Rollup], filters: Filters, at: Sequence[float], where: Where = EVERYTHING
) -> list[float | None]:
    """Return the values at the given quantiles (0.5, 0.9), accurate to 2 %; None without values."""
    return histograms.quantiles(histogram(rollup, filters, where), at)


def quantiles_by(
    rollup: type[Rollup],
    filters: Filters,
    keys: Sequence[str],
    at: Sequence[float],
    where: Where = EVERYTHING,
) -> dict[Keys, list[float | None]]:
    """Return `quantiles` for each combination of keys."""
    made = of_period(rollup, filters, where, keys=[*keys, "bin"], measures=["count"])
    listed = [f'"{column(rollup, key)}"' for key in (*keys, "bin")]
    found: dict[Keys, dict[int, int]] = {}
    for row in aggregated(rollup, made, listed, ["count"]):
        found.setdefault(row.keys[:-1], {})[row.keys[-1]] = row.measures["count"]
    return {key: histograms.quantiles(counts, at) for key, counts in found.items()}


def quantile_series(
    rollup: type[Rollup], filters: Filters, at: Sequence[float], where: Where = EVERYTHING
) -> dict[datetime, list[float | None]]:
    """Return `quantiles` for each bucket of the period that has values."""
    starts = filters.period.buckets(filters.granularity)
    made = in_buckets(rollup, filters, where, starts, keys=["bin"], measures=["count"])
    found: dict[datetime, dict[int, int]] = {}
    for row in aggregated(rollup, made, [PLACE, "bin"], ["count"], tail=" ORDER BY 1"):
        found.setdefault(starts[row.keys[0] - 1], {})[row.keys[1]] = row.measures["count"]
    return {start: histograms.quantiles(counts, at) for start, counts in found.items()}


def _parts(measures: Wanted) -> list[Part]:
    return [each if isinstance(each, Part) else Part(each, each) for each in measures]


def _named(parts: Iterable[Part]) -> list[str]:
    """Return the measures that parts belong to."""
    return list(dict.fromkeys(part.measure for part in parts))


def _keys(keys: Iterable[str], parts: Iterable[Part]) -> list[str]:
    """Return the keys, and those that parts filter by."""
    return list(dict.fromkeys([*keys, *(key for part in parts for key in part.where)]))


def _order(rollup: type[Rollup], order: str, keys: Sequence[str], parts: Sequence[Part]) -> str:
    """Return the SQL of an order, including the keys."""
    named = {part.name: part for part in parts}

    def value_of(name: str) -> str:
        return _aggregate(rollup, named.get(name, Part(name, name)), {})

    descending, name = order.startswith("-"), order.removeprefix("-")
    if name in keys:
        value = f'"{column(rollup, name)}"'
    elif "/" in name:
        above, below = name.split("/")
        value = f"({value_of(above)})::float8 / nullif({value_of(below)}, 0)"
    else:
        value = value_of(name)
    further = ", ".join(f'"{column(rollup, key)}"' for key in keys)
    return f"{value} {'DESC' if descending else 'ASC'} NULLS LAST, {further}"


def _aggregate(rollup: type[Rollup], part: Part, parameters: Parameters) -> str:
    """Return the SQL of a part, and add the values of its condition to the parameters."""
    conditions = []
    for key, value in part.where.items():
        name = f"{part.name}_{key}"
        parameters[name] = [value] if isinstance(value, str | int) else list(value)
        conditions.append(f'"{column(rollup, key)}" = ANY(%({name})s)')
    merged = str(measure(rollup, part.measure).merged(" AND ".join(conditions)))
    # A sum of no rows is NULL, which would sort last.
    is_zero = bool(conditions) and of_nothing(rollup, part.measure) == 0
    return f"coalesce({merged}, 0)" if is_zero else merged


def aggregated(
    rollup: type[Rollup], made: Relation, keys: Sequence[str], measures: Wanted, *, tail: str = ""
) -> list[Row]:
    """Return the rows of a relation merged by keys, which are SQL."""
    parts = _parts(measures)
    return _rows(rollup, fetch(_merging(rollup, made, keys, parts, tail=tail)), len(keys), parts)


def _merging(
    rollup: type[Rollup],
    made: Relation,
    keys: Sequence[str],
    parts: Sequence[Part],
    *,
    further: str = "",
    tail: str = "",
) -> Relation:
    """Return the statement that merges a relation's rows: keys (SQL), measures, and `further` columns."""
    parameters = dict(made.parameters)
    selected = ", ".join([*keys, *(_aggregate(rollup, part, parameters) for part in parts)])
    grouped = f" GROUP BY {', '.join(str(place + 1) for place in range(len(keys)))}" if keys else ""
    statement = compose(
        "SELECT {selected}{further} FROM {made}{grouped}{tail}",
        selected=selected,
        further=further,
        made=made.sql,
        grouped=grouped,
        tail=tail,
    )
    return Relation(statement, parameters)


def _rows(rollup: type[Rollup], found: Sequence[Fetched], keys: int, parts: Sequence[Part]) -> list[Row]:
    """Return the fetched tuples as rows with that many keys."""
    nothing = [of_nothing(rollup, part.measure) for part in parts]
    return [
        Row(
            row[:keys],
            {
                part.name: none if value is None else plain(value)
                for part, none, value in zip(parts, nothing, row[keys:], strict=True)
            },
        )
        for row in found
    ]


def of_nothing(rollup: type[Rollup], name: str) -> int | None:
    """Return the value of a measure without rows: 0 for a sum, else None."""
    return 0 if isinstance(measure(rollup, name), (Count, Whole, Total)) else None


Grid = dict[Keys, dict[datetime, Value]]


def grid(
    rollup: type[Rollup], filters: Filters, keys: Sequence[str], measure: str, where: Where = EVERYTHING
) -> Grid:
    """Return the values of non-empty buckets, by keys. It isn't limited, so filter with `where`."""
    starts = filters.period.buckets(filters.granularity)
    made = in_buckets(rollup, filters, where, starts, keys=keys, measures=[measure])
    listed = [PLACE, *(f'"{column(rollup, key)}"' for key in keys)]
    found: Grid = {}
    for row in aggregated(rollup, made, listed, [measure]):
        found.setdefault(row.keys[1:], {})[starts[row.keys[0] - 1]] = row.measures[measure]
    return found
