"""Grid: a measure for each bucket of a period and each combination of keys: trends of many rows at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from reports.filters import Filters
from reports.rollups.reading import aggregated
from reports.rollups.relation import EVERYTHING, PLACE, Where, column, in_buckets
from reports.rollups.rollup import Rollup

Grid = dict[tuple[Any, ...], dict[datetime, Any]]


def grid(
    rollup: type[Rollup], filters: Filters, keys: Sequence[str], measure: str, where: Where = EVERYTHING
) -> Grid:
    """The values of the buckets that have any, by keys. As many as the data has: narrow it by `where`."""
    starts = filters.period.buckets(filters.granularity)
    made = in_buckets(rollup, filters, where, starts, keys=keys, measures=[measure])
    listed = [PLACE, *(f'"{column(rollup, key)}"' for key in keys)]
    found: Grid = {}
    for row in aggregated(rollup, made, listed, [measure]):
        found.setdefault(row.keys[1:], {})[starts[row.keys[0] - 1]] = row.measures[measure]
    return found
