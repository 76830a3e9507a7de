"""The overview: what came in, in a sentence, three figures, and per owner; what has gone silent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from events.access import Access, access_of
from events.admin.recent import DAYS, Recent, recent, silent
from events.admin.sparkline import sparkline
from events.completeness import Incomplete, incomplete
from events.store.usage import UsageHour, hour_of

HOURS = 24
SHOWN = 50  # owners, those with the most events first


@dataclass(frozen=True)
class OwnerFigures:
    """What an owner's sources sent."""

    owner_id: int
    owner: str
    received: int
    stored: int
    duplicates: int
    rejected: int


def context(request: HttpRequest, base: dict[str, Any]) -> dict[str, Any]:
    """What the overview's template shows, beside what every page shows."""
    access, now = access_of(request), timezone.now()
    figures = [] if access.is_empty else figures_of(access, now)
    why = None if access.is_empty else incomplete_for(access, now)
    return base | {
        "incomplete": why,
        "cards": [] if access.is_empty else cards(recent(access, now), is_incomplete=why is not None),
        "silent": [] if access.is_empty or why else silent(access, now)[:SHOWN],
        "title": "Overview",
        "is_stranger": access.is_empty,
        "answer": answer(figures),
        "figures": figures[:SHOWN],
    }


def figures_of(access: Access, now: datetime) -> list[OwnerFigures]:
    """Per owner, what was received since the hour that began less than 24 hours ago."""
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
    """One figure with what it is beside, and where it leads."""

    title: str
    figure: str
    note: str
    spark: str = ""
    href: str = ""
    wants_attention: bool = False


def incomplete_for(access: Access, now: datetime) -> Incomplete | None:
    """Return why the last two weeks are incomplete; None where they aren't."""
    owners = None if access.is_operator else list(access.owner_ids)
    return incomplete(owners, now - timedelta(days=DAYS), now, now)


def cards(of: Recent, *, is_incomplete: bool = False) -> list[Card]:
    """The figures at the top; without changes and colours where they are incomplete."""
    events = reverse("admin:events_event_changelist")
    rejected = reverse("admin:ingestion_rejectedevent_changelist")
    received_spark = sparkline(of.days, "Events received")
    rejected_spark = sparkline(of.rejected_days, "Events rejected")
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
    """The overview in a sentence."""
    received = sum(each.received for each in figures)
    if not received:
        return "Nothing came in during the last 24 hours."
    rejected = sum(each.rejected for each in figures)
    owners = "one owner" if len(figures) == 1 else f"{len(figures):,} owners"
    events = "1 event" if received == 1 else f"{received:,} events"
    tail = f"{rejected:,} {'was' if rejected == 1 else 'were'} rejected" if rejected else "none was rejected"
    return f"{events} for {owners} in the last 24 hours; {tail}."
