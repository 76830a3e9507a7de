"""Factories for tests of digests: usage, subscriptions, clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F

from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.usage import UsageHour
from reports.digests.models import Subscription
from reports.rollups.models import Events
from reports.rollups.rollup import Grain
from reports.rollups.statements import start_of
from tests.factories import person
from tests.mail.conftest import with_address

# A Friday; daily digests are due at seven.
NOW = datetime(2026, 11, 20, 7, 0, 30, tzinfo=UTC)
YESTERDAY = datetime(2026, 11, 19, 10, tzinfo=UTC)


def usage(owner: Owner, hour: datetime, received: int, *, source: str = "portal", rejected: int = 0) -> None:
    """Add an hour of usage, and its stored events to the rollup of events."""
    found, _ = Source.objects.get_or_create(organization_id=owner.organization_id, name=source)
    UsageHour.objects.create(
        owner=owner,
        source=found,
        kind="log",
        dialect="sunbird",
        hour=hour,
        received=received,
        stored=received - rejected,
        rejected=rejected,
        billed_bytes=received * 1_000,
    )
    filed = received - rejected
    for grain in Grain:
        row, is_new = Events.objects.get_or_create(
            owner=owner, source=found, kind="log", grain=grain, bucket=start_of(hour, grain),
            defaults={"events": filed, "billed_bytes": filed * 1_000, "first": hour, "latest": hour},
        )  # fmt: skip
        if not is_new:
            Events.objects.filter(pk=row.pk).update(events=F("events") + filed)


def subscribed(user: User | None = None, *owners: Owner, **options: Any) -> Subscription:
    """Create a subscription to the daily digest at seven, due at NOW."""
    options = {"rhythm": "daily", "next_at": NOW.replace(second=0)} | options
    subscription = Subscription.objects.create(user=user, **options)
    subscription.owners.set(owners)
    return subscription


def reader(owner: Owner, name: str = "ann") -> User:
    return with_address(person(name, owner))


def clock(at: datetime = NOW, **ahead: float) -> Any:
    return lambda: at + timedelta(**ahead)
