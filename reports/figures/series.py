"""Series: what was found for buckets of a period, with what is not known yet left open."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from reports.filters import Filters
from reports.rollups.reading import Line

Value = TypeVar("Value")
Counts = tuple[int | None, ...]  # one for each bucket of a period; None where nothing is known


def filled(found: Mapping[datetime, int], filters: Filters, now: datetime) -> Counts:
    """Return what was found by the start of the bucket: zero where nothing was, None for what is to come.

    A bucket that a compared period has only a part of is None too: its part isn't comparable with whole ones.
    """
    starts = filters.period.buckets(filters.granularity)
    if filters.period.lasts is not None:
        starts, cut = starts[: (whole := filters.period.ended(filters.granularity, now))], starts[whole:]
        return (*(found.get(start, 0) for start in starts), *(None for _ in cut))
    return tuple(None if start > now else found.get(start, 0) for start in starts)


def ended(values: Sequence[Value | None], filters: Filters, now: datetime) -> tuple[Value | None, ...]:
    """Return values of the buckets that are over, and None for the bucket that is running."""
    whole = filters.period.ended(filters.granularity, now)
    return tuple(value if place < whole else None for place, value in enumerate(values))


def counts(line: Line, measure: str, filters: Filters, now: datetime) -> Counts:
    """A measure of a line of a rollup's series."""
    return filled({start: found[measure] for start, found in line.points.items()}, filters, now)


def summed(lines: Iterable[Counts]) -> Counts:
    """Several lines as one; what none of them knows stays open."""
    return tuple(
        sum(known) if (known := [value for value in values if value is not None]) else None
        for values in zip(*lines, strict=True)
    )
