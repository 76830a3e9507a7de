"""What digests are about, made in one call."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.usage import UsageHour
from reports.digests.subscription import Subscription
from tests.factories import person
from tests.mail.conftest import with_address

# A Friday; digests of the day are due at seven.
NOW = datetime(2026, 11, 20, 7, 0, 30, tzinfo=UTC)
YESTERDAY = datetime(2026, 11, 19, 10, tzinfo=UTC)


def usage(owner: Owner, hour: datetime, received: int, *, source: str = "portal", rejected: int = 0) -> None:
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


def subscribed(user: User | None = None, *owners: Owner, **options: Any) -> Subscription:
    """A subscription to the daily digest at seven, due at NOW."""
    options = {"rhythm": "daily", "next_at": NOW.replace(second=0)} | options
    subscription = Subscription.objects.create(user=user, **options)
    subscription.owners.set(owners)
    return subscription


def reader(owner: Owner, name: str = "ann") -> User:
    return with_address(person(name, owner))


def clock(at: datetime = NOW, **ahead: float) -> Any:
    return lambda: at + timedelta(**ahead)
