"""The overview: what came in during the last 24 hours, per owner, in words and one table."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone

from events.admin.scope import Scope, scope_of
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
    scope = scope_of(request)
    figures = [] if scope.is_empty else figures_of(scope, timezone.now())
    return base | {
        "title": "Overview",
        "is_stranger": scope.is_empty,
        "answer": answer(figures),
        "figures": figures[:SHOWN],
    }


def figures_of(scope: Scope, now: datetime) -> list[OwnerFigures]:
    """Per owner, what was received since the hour that began less than 24 hours ago."""
    hours = UsageHour.objects.filter(hour__gt=hour_of(now) - timedelta(hours=HOURS))
    rows = (
        scope.limit(hours)
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
            row["owner__name"],
            row["all_received"],
            row["all_stored"],
            row["all_duplicates"],
            row["all_rejected"],
        )
        for row in rows
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
