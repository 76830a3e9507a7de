"""The overview: recent usage by day and source, from usage counters, and sources that went silent."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Max, Min, Q, Sum
from django.db.models.functions import TruncDay
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from events.access import Access, access_of
from events.admin.display import daily_sparkline
from events.store.completeness import Incomplete, incomplete
from events.store.silent import SilentSource, silent_sources
from events.store.usage import UsageHour, hour_of
from events.store.versions import SourceVersion

DAYS = 14
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Recent:
    """The usage of two weeks of a person's owners."""

    days: list[tuple[date, int]]  # received on each, the oldest first
    rejected_days: list[tuple[date, int]]
    today: int
    rejected_today: int
    week: int  # the last 168 hours
    week_before: int
    rejected_week: int

    @property
    def change(self) -> str:
        """The change from the previous week, in words."""
        if not self.week_before:
            return "nothing in the week before"
        percent = round((self.week - self.week_before) * 100 / self.week_before)
        if percent == 0:
            return "the same as in the week before"
        return f"{abs(percent):,} % {'more' if percent > 0 else 'less'} than in the week before"


@dataclass(frozen=True)
class SourceFigures:
    """The events of a source in two weeks, of the owners that a person sees."""

    first: datetime
    last: datetime
    days: list[tuple[date, int]]  # received on each of two weeks, the oldest first
    rejected_days: list[tuple[date, int]]

    @property
    def received(self) -> int:
        """Events received in the two weeks."""
        return sum(count for _, count in self.days)

    @property
    def rejected(self) -> int:
        """Events rejected in the two weeks."""
        return sum(count for _, count in self.rejected_days)


def recent_usage(access: Access, now: datetime) -> Recent:
    """Return the usage of the last two weeks, with days in UTC."""
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


def silent_sources_of(access: Access, now: datetime) -> list[SilentSource]:
    """Return the silent sources that a person sees, largest first, named unambiguously."""
    found = silent_sources(access.limit(UsageHour.objects.all()), now)
    return [replace(each, name=access.label_of(each.name, each.organization_id)) for each in found]


def usage_of_sources(access: Access, sources: list[int], now: datetime) -> dict[int, SourceFigures]:
    """Return the usage of sources for the person's owners, with two statements."""
    hours = access.limit(UsageHour.objects.filter(source_id__in=sources, received__gt=0))
    seen = {
        row["source_id"]: row
        for row in hours.values("source_id").annotate(first=Min("hour"), last=Max("hour")).order_by()
    }
    by_source: dict[int, dict[date, tuple[int, int]]] = defaultdict(dict)
    by_day = hours.filter(hour__gte=first_day(now)).annotate(day=TruncDay("hour", tzinfo=UTC))
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
    """Return the versions of sources for the person's owners, the latest first."""
    found: dict[int, dict[str, None]] = defaultdict(dict)
    rows = access.limit(SourceVersion.objects.filter(source_id__in=sources)).exclude(version="")
    for source, version in rows.order_by("-last_seen").values_list("source_id", "version"):
        found[source][version] = None
    return {source: list(versions) for source, versions in found.items()}


def first_day(now: datetime) -> datetime:
    """Return the midnight, in UTC, at which the two weeks start."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=DAYS - 1)


def _days(now: datetime) -> list[date]:
    first = first_day(now).date()
    return [first + timedelta(days=place) for place in range(DAYS)]


HOURS = 24
SHOWN = 50  # owners, those with the most events first


@dataclass(frozen=True)
class OwnerFigures:
    """The events that an owner received in the last 24 hours."""

    owner_id: int
    owner: str
    received: int
    stored: int
    duplicates: int
    rejected: int


def context(request: HttpRequest, base: dict[str, object]) -> dict[str, Any]:
    """Return the template context of the overview."""
    access, now = access_of(request), timezone.now()
    figures = [] if access.is_empty else figures_of(access, now)
    why = None if access.is_empty else incomplete_for(access, now)
    return base | {
        "incomplete": why,
        "cards": [] if access.is_empty else cards(recent_usage(access, now), is_incomplete=why is not None),
        "silent": [] if access.is_empty or why else silent_sources_of(access, now)[:SHOWN],
        "title": "Overview",
        "is_stranger": access.is_empty,
        "answer": answer(figures),
        "figures": figures[:SHOWN],
    }


def figures_of(access: Access, now: datetime) -> list[OwnerFigures]:
    """Return what each owner received since the hour that began less than 24 hours ago."""
    hours = UsageHour.objects.filter(hour__gt=hour_of(now) - timedelta(hours=HOURS), received__gt=0)
    rows = (
        access.limit(hours)
        .values("owner_id", "owner__name")
        .annotate(
            all_received=Sum("received"),
            all_stored=Sum("stored"),
            all_duplicates=Sum("duplicates"),
            all_rejected=Sum("rejected"),
        )
        .order_by("-all_received", "owner__name")
    )
    return [
        OwnerFigures(
            row["owner_id"],
            access.owner_labels.get(row["owner_id"], row["owner__name"]),
            row["all_received"],
            row["all_stored"],
            row["all_duplicates"],
            row["all_rejected"],
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Card:
    """A figure with a note and a link."""

    title: str
    figure: str
    note: str
    spark: str = ""
    href: str = ""
    wants_attention: bool = False


def incomplete_for(access: Access, now: datetime) -> Incomplete | None:
    """Return why the last two weeks are incomplete; None if they aren't."""
    owners = None if access.is_operator else list(access.owner_ids)
    return incomplete(owners, now - timedelta(days=DAYS), now, now)


def cards(of: Recent, *, is_incomplete: bool = False) -> list[Card]:
    """Return the figures at the top; without changes and colours if they are incomplete."""
    events = reverse("admin:events_event_changelist")
    rejected = reverse("admin:ingestion_rejectedevent_changelist")
    received_spark = daily_sparkline(of.days, "Events received")
    rejected_spark = daily_sparkline(of.rejected_days, "Events rejected")
    today = f"{of.rejected_today:,} of them today"
    change = "" if is_incomplete else of.change
    return [
        Card("Received today", f"{of.today:,}", "since midnight, UTC", href=f"{events}?period=today"),
        Card(
            "Received in 7 days",
            f"{of.week:,}",
            change,
            received_spark,
            f"{events}?period=7d",
        ),
        Card(
            "Rejected in 7 days",
            f"{of.rejected_week:,}",
            today,
            rejected_spark,
            rejected,
            of.rejected_week > 0 and not is_incomplete,
        ),
    ]


def answer(figures: list[OwnerFigures]) -> str:
    """Return the overview as a sentence."""
    received = sum(each.received for each in figures)
    if not received:
        return "Nothing was received in the last 24 hours."
    rejected = sum(each.rejected for each in figures)
    owners = "one owner" if len(figures) == 1 else f"{len(figures):,} owners"
    events = "1 event" if received == 1 else f"{received:,} events"
    tail = f"{rejected:,} {'was' if rejected == 1 else 'were'} rejected" if rejected else "none was rejected"
    return f"{events} for {owners} in the last 24 hours; {tail}."
