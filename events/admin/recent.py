"""What came in of late: by day and by source. From the counters of usage, never from events."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Max, Min, Q, Sum
from django.db.models.functions import TruncDay

from events.access import Access
from events.store.silent import Silent, silent_sources
from events.store.usage import UsageHour, hour_of
from events.store.versions import SourceVersion

DAYS = 14
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Recent:
    """Two weeks of a person's owners."""

    days: list[tuple[date, int]]  # received on each, the oldest first
    rejected_days: list[tuple[date, int]]
    today: int
    rejected_today: int
    week: int  # the last 168 hours
    week_before: int
    rejected_week: int

    @property
    def change(self) -> str:
        """The week beside the one before, in words."""
        if not self.week_before:
            return "nothing in the week before"
        percent = round((self.week - self.week_before) * 100 / self.week_before)
        if percent == 0:
            return "as much as in the week before"
        return f"{abs(percent):,} % {'more' if percent > 0 else 'less'} than in the week before"


@dataclass(frozen=True)
class SourceFigures:
    """What a source sent to a person's owners."""

    first: datetime
    last: datetime
    days: list[tuple[date, int]]  # received on each of two weeks, the oldest first
    rejected_days: list[tuple[date, int]]

    @property
    def received(self) -> int:
        """In the two weeks."""
        return sum(count for _, count in self.days)

    @property
    def rejected(self) -> int:
        """In the two weeks."""
        return sum(count for _, count in self.rejected_days)


def recent(access: Access, now: datetime) -> Recent:
    """The figures of the last two weeks, the hours in UTC."""
    hours = access.limit(UsageHour.objects.filter(hour__gte=first_day(now)))
    by_day = {
        row["day"].date(): (row["received_sum"], row["rejected_sum"])
        for row in hours.annotate(day=TruncDay("hour", tzinfo=UTC))
        .values("day")
        .annotate(received_sum=Sum("received"), rejected_sum=Sum("rejected"))
        .order_by()
    }
    week = Q(hour__gt=hour_of(now) - WEEK)
    sums = access.limit(UsageHour.objects.filter(hour__gt=hour_of(now) - 2 * WEEK)).aggregate(
        week=Sum("received", filter=week, default=0),
        before=Sum("received", filter=~week, default=0),
        rejected=Sum("rejected", filter=week, default=0),
    )
    days = _days(now)
    received, rejected = by_day.get(days[-1], (0, 0))
    return Recent(
        days=[(day, by_day.get(day, (0, 0))[0]) for day in days],
        rejected_days=[(day, by_day.get(day, (0, 0))[1]) for day in days],
        today=received,
        rejected_today=rejected,
        week=sums["week"],
        week_before=sums["before"],
        rejected_week=sums["rejected"],
    )


def silent(access: Access, now: datetime) -> list[Silent]:
    """The silent sources that a person sees, the largest first, and told apart where names are the same."""
    found = silent_sources(access.limit(UsageHour.objects.all()), now)
    return [replace(each, name=access.label_of(each.name, each.organization_id)) for each in found]


def of_sources(access: Access, sources: list[int], now: datetime) -> dict[int, SourceFigures]:
    """What each of some sources sent to the person's owners, two statements for all of them."""
    hours = access.limit(UsageHour.objects.filter(source_id__in=sources, received__gt=0))
    seen = {
        row["source_id"]: row
        for row in hours.values("source_id").annotate(first=Min("hour"), last=Max("hour")).order_by()
    }
    by_source: dict[int, dict[date, tuple[int, int]]] = defaultdict(dict)
    by_day: Any = hours.filter(hour__gte=first_day(now)).annotate(day=TruncDay("hour", tzinfo=UTC))
    sums = by_day.values("source_id", "day").annotate(
        received_sum=Sum("received"), rejected_sum=Sum("rejected")
    )
    for row in sums.order_by():
        by_source[row["source_id"]][row["day"].date()] = (row["received_sum"], row["rejected_sum"])
    return {
        source: SourceFigures(
            row["first"],
            row["last"],
            [(day, by_source[source].get(day, (0, 0))[0]) for day in _days(now)],
            [(day, by_source[source].get(day, (0, 0))[1]) for day in _days(now)],
        )
        for source, row in seen.items()
    }


def versions_of(access: Access, sources: list[int]) -> dict[int, list[str]]:
    """The versions of some sources that the person's owners have heard of, the one heard last first."""
    found: dict[int, dict[str, None]] = defaultdict(dict)
    rows = access.limit(SourceVersion.objects.filter(source_id__in=sources)).exclude(version="")
    for source, version in rows.order_by("-last_seen").values_list("source_id", "version"):
        found[source][version] = None
    return {source: list(versions) for source, versions in found.items()}


def first_day(now: datetime) -> datetime:
    """The midnight, in UTC, that the two weeks begin with."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=DAYS - 1)


def _days(now: datetime) -> list[date]:
    first = first_day(now).date()
    return [first + timedelta(days=place) for place in range(DAYS)]
