"""The demo at the first start: whether it is wanted, filling it in, going on where that was interrupted."""

import sys
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from tqdm import tqdm

from ingestion.demo import home, script, seeding
from ingestion.demo.posting import Post
from ingestion.demo.rhythm import Period
from ingestion.demo.seeding import Counts

# Two months, so that this month has one before it that is whole.
EVENTS, DAYS, SEED = 60_000, 62, 1


def is_wanted(answer: bool | None) -> bool:
    """Whether to make the demo: as asked for, else where settings allow it and nobody can log in yet."""
    if answer is not None:
        return answer
    return bool(settings.DEMO) and not get_user_model().objects.exists()


def make(now: datetime) -> None:
    """Make key, data and people of the demo where they are missing.

    The people come last: where they are, the rest is complete.
    """
    home.make_key()
    # It holds the end of the period, so that an interrupted start makes the same events when it goes on.
    unfinished = Path(settings.DATA) / "demo_unfinished"
    if unfinished.exists() or not home.has_data():
        until = datetime.fromisoformat(unfinished.read_text()) if unfinished.exists() else now
        unfinished.write_text(until.isoformat())
        fill(script.posts(SEED, Period.before(until, DAYS), EVENTS))
        unfinished.unlink()
    home.make_users()


def fill(posts: list[Post]) -> Counts:
    """Send posts with a progress bar."""
    total = sum(post.events for post in posts)
    with tqdm(total=total, desc="Demo data", unit=" events", file=sys.stderr, disable=None) as bar:
        return seeding.send(posts, bar.update)
