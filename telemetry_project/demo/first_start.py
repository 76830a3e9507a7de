"""The demo at the first start: users and key at once, events in the background, newest days first."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from events.identity import moment
from events.store.completeness import Backfill
from events.store.pending import TouchedQuarter, TouchedSession
from telemetry_project.demo import home, script, seeding
from telemetry_project.demo.posting import Post
from telemetry_project.demo.rhythm import DAY_MS, Period

# Two months, so that the current month has a complete one before it.
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
    if not settings.DEMO:  # no longer wanted: loaded events stay, and no more are loaded
        Backfill.objects.filter(organization__slug=home.SLUG, finished_at=None).update(finished_at=now)
    else:
        home.make_key()
    return home.make_users(exposed=True) if exposed else {}


def unfinished() -> Backfill | None:
    """Return the unfinished load, or None."""
    return Backfill.objects.filter(organization__slug=home.SLUG, finished_at=None).first()


POSTS_AT_ONCE = 60
# A pause as long as the work before it leaves half of the time to pages and other senders.
REST = 1.0
_LOOK_SECONDS = 1.0

Tell = Callable[[str], object]


def load(backfill: Backfill, tell: Tell) -> None:
    """Send and file the missing events, then wait until sessions and reports include them."""
    tell("Generating two months of events")
    posts = in_order(script.posts(SEED, Period.before(backfill.until, DAYS), EVENTS))
    backfill.events_total = sum(post.events for post in posts)
    _save(backfill)
    begun = time.monotonic()

    def delivered(some: Sequence[Post]) -> None:
        backfill.requests_done += len(some)
        backfill.events_done += sum(post.events for post in some)
        backfill.reached = moment(min(post.received_ms for post in some))
        _save(backfill)

    def progress(_: int) -> None:
        nonlocal begun
        done, total = backfill.events_done, backfill.events_total
        tell(f"Demo data: {done:,} of {total:,} events, back to {backfill.reached:%Y-%m-%d}")
        time.sleep((time.monotonic() - begun) * REST)
        begun = time.monotonic()

    missing = posts[backfill.requests_done :]
    seeding.send(missing, progress, delivered=delivered, at_once=POSTS_AT_ONCE)
    while left := _left():
        tell(
            f"Demo data: all {backfill.events_total:,} events are filed; {left:,} quarters of an hour are"
            f" left for reports"
        )
        time.sleep(_LOOK_SECONDS)


def finish(backfill: Backfill) -> None:
    """Record that figures are complete."""
    backfill.finished_at = timezone.now()
    _save(backfill)


def in_order(posts: Sequence[Post]) -> list[Post]:
    """Return posts with the newest day first, within a day as they arrive."""
    return sorted(posts, key=lambda post: (-(post.received_ms // DAY_MS), post.received_ms))


def _save(backfill: Backfill) -> None:
    backfill.updated_at = timezone.now()
    backfill.save()


def _left() -> int:
    """Return the number of pending sessions and quarters of an hour of the demo."""
    owners = [owner.pk for owner in home.establish().values()]
    sessions = TouchedSession.objects.filter(owner_id__in=owners).count()
    quarters = TouchedQuarter.objects.filter(owner_id__in=owners).count()
    return sessions + quarters
