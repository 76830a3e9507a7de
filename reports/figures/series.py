"""Series: what was found for buckets of a period, with what is not known yet left open."""

from collections.abc import Mapping
from datetime import datetime

from reports.periods import Granularity, Period


def filled(
    found: Mapping[datetime, int], period: Period, granularity: Granularity, now: datetime
) -> tuple[int | None, ...]:
    """One count for each bucket, by its beginning: nothing found is zero, what is to come is None."""
    return tuple(None if start > now else found.get(start, 0) for start in period.buckets(granularity))
