"""Series: the values of a period's buckets, None where unknown."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from reports.filters import Filters
from reports.query.reading import Line

Value = TypeVar("Value")
Counts = tuple[int | None, ...]


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return a quotient; None if a value is unknown or the divisor is 0."""
    return part / whole if part is not None and whole else None


def filled(found: Mapping[datetime, int], filters: Filters, now: datetime) -> Counts:
    """Return values by the start of their bucket: zero if missing, None for future buckets."""
    return spread(found, 0, filters, now)


def spread(
    found: Mapping[datetime, Value], nothing: Value | None, filters: Filters, now: datetime
) -> tuple[Value | None, ...]:
    """Return values by the start of their bucket: `nothing` if missing, None for future buckets.

    If a compared period is cut off, its last bucket is None too, since a part of a bucket can't be compared
    with a whole one.
    """
    starts = filters.period.buckets(filters.granularity)
    if filters.period.lasts is not None:
        starts, cut = starts[: (whole := filters.period.ended(filters.granularity, now))], starts[whole:]
        return (*(found.get(start, nothing) for start in starts), *(None for _ in cut))
    return tuple(None if start > now else found.get(start, nothing) for start in starts)


def ended(values: Sequence[Value | None], filters: Filters, now: datetime) -> tuple[Value | None, ...]:
    """Return the values of completed buckets, and None for the current one."""
    whole = filters.period.ended(filters.granularity, now)
    return tuple(value if place < whole else None for place, value in enumerate(values))


def counts(line: Line, measure: str, filters: Filters, now: datetime) -> Counts:
    """Return a measure of a line of a rollup's series."""
    return filled({start: found[measure] for start, found in line.points.items()}, filters, now)


def summed(lines: Iterable[Counts]) -> Counts:
    """Return the sum of several lines, None where all are unknown."""
    return tuple(
        sum(known) if (known := [value for value in values if value is not None]) else None
        for values in zip(*lines, strict=True)
    )
