"""Overview: what came in, by kind and by source. From the counters of usage: by hour of receipt."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Sum
from django.db.models.functions import TruncDay, TruncHour, TruncMonth, TruncWeek

from events.store.usage import UsageHour
from reports.figures.series import filled
from reports.filters import Filters
from reports.periods import Granularity, Period

Counts = tuple[int | None, ...]  # one for each bucket

# Counters are of whole hours, so a quarter of an hour can't be told from its hour.
_TRUNC: dict[Granularity, Callable[..., Any]] = {
    Granularity.QUARTER: TruncHour,
    Granularity.HOUR: TruncHour,
    Granularity.DAY: TruncDay,
    Granularity.WEEK: TruncWeek,
    Granularity.MONTH: TruncMonth,
}


@dataclass(frozen=True, slots=True)
class Sums:
    """What came in during a period."""

    received: int
    stored: int
    duplicates: int
    rejected: int
    sources: int  # heard from

    @property
    def rejected_share(self) -> float | None:
        """Rejected of all, a part of 1."""
        return self.rejected / self.received if self.received else None


@dataclass(frozen=True, slots=True)
class SourceSums:
    """What one source sent."""

    source_id: int
    received: int
    duplicates: int
    rejected: int
    before: int | None  # received in the period that this one is compared with


@dataclass(frozen=True, slots=True)
class Overview:
    """All figures of the page."""

    sums: Sums
    before: Sums | None
    by_kind: dict[str, Counts]  # received
    received: Counts
    rejected: Counts
    received_before: Counts | None  # by the place of the bucket
    sources: tuple[SourceSums, ...]  # the one that sent most first


def overview(filters: Filters, now: datetime) -> Overview:
    """The figures of a period and of the one that it is compared with; four statements."""
    by_kind, received, rejected = _series(filters, now)
    compared = filters.over(filters.compare) if filters.compare else None
    sources = _by_source(filters)
    earlier = _by_source(compared) if compared else {}
    return Overview(
        sums=_sums(sources),
        before=_sums(earlier) if compared else None,
        by_kind=by_kind,
        received=received,
        rejected=rejected,
        received_before=_series(compared, now)[1] if compared else None,
        sources=tuple(
            SourceSums(
                source,
                row["received"],
                row["duplicates"],
                row["rejected"],
                earlier.get(source, {}).get("received", 0) if compared else None,
            )
            for source, row in sorted(sources.items(), key=lambda each: -each[1]["received"])
        ),
    )


def _hours(filters: Filters) -> models.QuerySet[UsageHour]:
    """The counters that a question is about."""
    period: Period = filters.period
    hours = UsageHour.objects.filter(hour__gte=period.since, hour__lt=period.until)
    if filters.owners is not None:
        hours = hours.filter(owner_id__in=filters.owners)
    if filters.sources:
        hours = hours.filter(source_id__in=filters.sources)
    return hours.filter(kind__in=filters.kinds) if filters.kinds else hours


def _series(filters: Filters, now: datetime) -> tuple[dict[str, Counts], Counts, Counts]:
    """Received by kind; received and rejected in all."""
    period = filters.period
    trunc = _TRUNC[filters.granularity]("hour", tzinfo=period.zone)
    rows = _hours(filters).annotate(bucket=trunc).values_list("kind", "bucket")
    kinds: dict[str, dict[datetime, int]] = defaultdict(lambda: defaultdict(int))
    received: dict[datetime, int] = defaultdict(int)
    rejected: dict[datetime, int] = defaultdict(int)
    for kind, bucket, in_all, bad in rows.annotate(Sum("received"), Sum("rejected")).order_by():
        at = max(bucket, period.since)  # the first bucket is cut off there
        kinds[kind][at] += in_all
        received[at] += in_all
        rejected[at] += bad

    def counts(found: dict[datetime, int]) -> Counts:
        return filled(found, period, filters.granularity, now)

    return {kind: counts(found) for kind, found in kinds.items()}, counts(received), counts(rejected)


def _by_source(filters: Filters) -> dict[int, dict[str, int]]:
    rows = _hours(filters).values_list("source_id")
    names = ("received", "duplicates", "rejected", "stored")
    found = rows.annotate(*(Sum(name) for name in names)).order_by()
    return {source: dict(zip(names, sums, strict=True)) for source, *sums in found}


def _sums(sources: dict[int, dict[str, int]]) -> Sums:
    names = ("received", "stored", "duplicates", "rejected")
    sums = {name: sum(row[name] for row in sources.values()) for name in names}
    return Sums(**sums, sources=sum(1 for row in sources.values() if row["received"]))
