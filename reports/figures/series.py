"""Series: what was found for buckets of a period, with what is not known yet left open."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from reports.filters import Filters
from reports.rollups.reading import Line

Counts = tuple[int | None, ...]  # one for each bucket of a period; None where nothing is known


def filled(found: Mapping[datetime, int], filters: Filters, now: datetime) -> Counts:
    """What was found by the beginning of the bucket: nothing found is zero, what is to come is None."""
    starts = filters.period.buckets(filters.granularity)
    return tuple(None if start > now else found.get(start, 0) for start in starts)


def counts(line: Line, measure: str, filters: Filters, now: datetime) -> Counts:
    """A measure of a line of a rollup's series."""
    return filled({start: found[measure] for start, found in line.points.items()}, filters, now)


def summed(lines: Iterable[Counts]) -> Counts:
    """Several lines as one; what none of them knows stays open."""
    return tuple(
        sum(known) if (known := [value for value in values if value is not None]) else None
        for values in zip(*lines, strict=True)
    )
