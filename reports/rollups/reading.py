"""Reading: few questions that answer what pages ask of rollups, as plain data.

All of them take a rollup (a class of `reports.rollups.models`), the reader's filters, and `where`: further
conditions on keys, as in `{"code": "E1"}` or `{"level": ["ERROR", "FATAL"]}`. Keys are the names of the
rollup's keys and `source` and `owner`, whose values are the ids. An absent text is ''. `filters.kinds`
narrows the rollups that have a key `kind`; the others are about kinds of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.filters import Filters
from reports.rollups import shapes
from reports.rollups.columns import Count, Total, Whole, plain
from reports.rollups.relation import (
    EVERYTHING,
    PLACE,
    Relation,
    Where,
    column,
    fetch,
    in_buckets,
    measure,
    of_period,
)
from reports.rollups.rollup import Rollup

Value = Any  # int, float, str, datetime or None, by the measure
Measures = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of `top`: the values of the keys asked for, in their order, and the measures by name."""

    keys: tuple[Any, ...]
    measures: Measures


@dataclass(frozen=True, slots=True)
class Top:
    """Some rows, and how many there are in all."""

    rows: tuple[Row, ...]
    of: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a series: its key, and the measures of the buckets that have any."""

    key: Any  # None: all, or all others
    points: dict[datetime, Measures]
    is_rest: bool = False


def totals(
    rollup: type[Rollup], filters: Filters, measures: Sequence[str], where: Where = EVERYTHING
) -> Measures:
    """Measures over the whole period: sums of nothing are 0, other measures of nothing None."""
    rows = aggregated(rollup, of_period(rollup, filters, where, measures=measures), (), measures)
    return rows[0].measures


def top(
    rollup: type[Rollup],
    filters: Filters,
    keys: Sequence[str],
    measures: Sequence[str],
    order: str = "",
    limit: int | None = 20,
    where: Where = EVERYTHING,
) -> Top:
    """Measures for each combination of keys, the first `limit` in an order, or all.

    `order` is a key, a measure or a quotient of two (`passed/attempts`), with `-` for descending; by default
    the first measure, descending. Equal ones are ordered by the keys, so that each look has the same.
    """
    made = of_period(rollup, filters, where, keys=keys, measures=measures)
    columns = [f'"{column(rollup, key)}"' for key in keys]
    tail = f" ORDER BY {_order(rollup, order or f'-{measures[0]}', keys)}"
    if limit is not None:
        tail += f" LIMIT {int(limit)}"
    found = fetch(_merging(rollup, made, columns, measures, further=", count(*) OVER ()", tail=tail))
    rows = _rows(rollup, [row[:-1] for row in found], len(keys), measures)
    return Top(tuple(rows), found[0][-1] if found else 0)


def series(
    rollup: type[Rollup],
    filters: Filters,
    measures: Sequence[str],
    by: str | None = None,
    most: int = 8,
    where: Where = EVERYTHING,
) -> list[Line]:
    """Measures for each bucket of the period, by the granularity of the filters.

    `by` a key: a line for each of the `most` values with the greatest first measure, greatest first, and one
    for all others together, if there are others.
    """
    starts = filters.period.buckets(filters.granularity)
    leaders = (
        [row.keys[0] for row in top(rollup, filters, [by], measures, limit=most, where=where).rows]
        if by
        else []
    )
    made = in_buckets(rollup, filters, where, starts, keys=[by] if by else (), measures=measures)
    made.parameters["leaders"] = leaders
    keys = [PLACE]
    if by:
        keys.append(f'CASE WHEN "{column(rollup, by)}" = ANY(%(leaders)s) THEN "{column(rollup, by)}" END')
    points: dict[Any, dict[datetime, Measures]] = {key: {} for key in [*leaders, None]}
    for row in aggregated(rollup, made, keys, measures, tail=" ORDER BY 1"):
        points[row.keys[1] if by else None][starts[row.keys[0] - 1]] = row.measures
    lines = [Line(key, points[key]) for key in leaders]
    if not by or points[None]:
        lines.append(Line(None, points[None], is_rest=bool(by)))
    return lines


def histogram(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> dict[int, int]:
    """How many values are in each bin, of a rollup with a key `bin` and a measure `count`."""
    made = of_period(rollup, filters, where, keys=["bin"], measures=["count"])
    return {row.keys[0]: row.measures["count"] for row in aggregated(rollup, made, ["bin"], ["count"])}


def quantiles(
    rollup: type[Rollup], filters: Filters, at: Sequence[float], where: Where = EVERYTHING
) -> list[float | None]:
    """Values that the given shares (0.5, 0.9) are at or below, true to 2 %; None where there are none."""
    return shapes.quantiles(histogram(rollup, filters, where), at)


def quantiles_by(
    rollup: type[Rollup],
    filters: Filters,
    keys: Sequence[str],
    at: Sequence[float],
    where: Where = EVERYTHING,
) -> dict[tuple[Any, ...], list[float | None]]:
    """`quantiles` for each combination of keys."""
    made = of_period(rollup, filters, where, keys=[*keys, "bin"], measures=["count"])
    listed = [f'"{column(rollup, key)}"' for key in (*keys, "bin")]
    found: dict[tuple[Any, ...], dict[int, int]] = {}
    for row in aggregated(rollup, made, listed, ["count"]):
        found.setdefault(row.keys[:-1], {})[row.keys[-1]] = row.measures["count"]
    return {key: shapes.quantiles(counts, at) for key, counts in found.items()}


def quantile_series(
    rollup: type[Rollup], filters: Filters, at: Sequence[float], where: Where = EVERYTHING
) -> dict[datetime, list[float | None]]:
    """`quantiles` for each bucket of the period that has values."""
    starts = filters.period.buckets(filters.granularity)
    made = in_buckets(rollup, filters, where, starts, keys=["bin"], measures=["count"])
    found: dict[datetime, dict[int, int]] = {}
    for row in aggregated(rollup, made, [PLACE, "bin"], ["count"], tail=" ORDER BY 1"):
        found.setdefault(starts[row.keys[0] - 1], {})[row.keys[1]] = row.measures["count"]
    return {start: shapes.quantiles(counts, at) for start, counts in found.items()}


def _order(rollup: type[Rollup], order: str, keys: Sequence[str]) -> str:
    """The SQL of an order, down to the keys."""
    descending, name = order.startswith("-"), order.removeprefix("-")
    if name in keys:
        value = f'"{column(rollup, name)}"'
    elif "/" in name:
        above, below = name.split("/")
        value = f"({measure(rollup, above).merged()})::float8 / nullif({measure(rollup, below).merged()}, 0)"
    else:
        value = measure(rollup, name).merged()
    further = ", ".join(f'"{column(rollup, key)}"' for key in keys)
    return f"{value} {'DESC' if descending else 'ASC'} NULLS LAST, {further}"


def aggregated(
    rollup: type[Rollup], made: Relation, keys: Sequence[str], measures: Sequence[str], *, tail: str = ""
) -> list[Row]:
    """The rows of a relation merged by keys, which are SQL."""
    return _rows(rollup, fetch(_merging(rollup, made, keys, measures, tail=tail)), len(keys), measures)


def _merging(
    rollup: type[Rollup],
    made: Relation,
    keys: Sequence[str],
    measures: Sequence[str],
    *,
    further: str = "",
    tail: str = "",
) -> Relation:
    """The statement that merges the rows of a relation by SQL of keys: keys, measures, what is `further`."""
    selected = ", ".join([*keys, *(measure(rollup, name).merged() for name in measures)])
    grouped = f" GROUP BY {', '.join(str(place + 1) for place in range(len(keys)))}" if keys else ""
    return Relation(f"SELECT {selected}{further} FROM {made.sql}{grouped}{tail}", made.parameters)  # noqa: S608


def _rows(
    rollup: type[Rollup], found: Sequence[tuple[Any, ...]], keys: int, measures: Sequence[str]
) -> list[Row]:
    """What was fetched, as rows with so many keys. A sum of nothing is 0, another measure of it None."""
    nothing = {
        name: 0 if isinstance(measure(rollup, name), (Count, Whole, Total)) else None for name in measures
    }
    return [
        Row(
            row[:keys],
            {
                name: nothing[name] if value is None else plain(value)
                for name, value in zip(measures, row[keys:], strict=True)
            },
        )
        for row in found
    ]
