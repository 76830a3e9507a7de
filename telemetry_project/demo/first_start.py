"""The demo at the first start: users and key at once, events in the background."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from events.store.completeness import Backfill
from telemetry_project.demo import home

# Two months, so that this month has one before it that is whole.
EVENTS, DAYS, SEED = 60_000, 62, 1
NAME = "demo data"


def is_wanted(answer: bool | None) -> bool:
    """True if the demo is requested or, by default, if settings allow it and there are no users yet."""
    if answer is not None:
        return answer
    return bool(settings.DEMO) and not get_user_model().objects.exists()


def make(now: datetime, *, exposed: bool) -> Mapping[str, str]:
    """Create the demo's key and users, and a `Backfill` for its events; return new passwords."""
    home.make_key()
    with transaction.atomic():
        if not home.has_data() and not unfinished():
            Backfill.objects.create(
                organization=home.organization(),
                name=NAME,
                since=now - timedelta(days=DAYS),
                until=now,
                started_at=now,
                updated_at=now,
            )
        return home.make_users(exposed=exposed)


def again(now: datetime, *, exposed: bool) -> Mapping[str, str]:
    """Update an existing demo at a later start; return new passwords."""
    if not home.exists():
        return {}
    if not settings.DEMO:  # no longer wanted: what was loaded stays, and nothing more is loaded
        Backfill.objects.filter(organization__slug=home.SLUG, finished_at=None).update(finished_at=now)
    else:
        home.make_key()
    return home.make_users(exposed=True) if exposed else {}


def unfinished() -> Backfill | None:
    """Return the unfinished load, or None."""
    return Backfill.objects.filter(organization__slug=home.SLUG, finished_at=None).first()
