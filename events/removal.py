"""Removal: events of weeks that are over go for good, week by week, each week one transaction.

Killed at any instruction, it leaves a week as it was. Reading and filing go on while a week is counted; for
the moment in which its partitions are dropped they wait. Where somebody reads for longer than that moment
may take, the removal steps back and tries again.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from events.accounts import audit
from events.identity import week_of
from events.partitions import WEEK
from events.sessions import leaving
from events.store import removing, usage
from events.store.removing import Leaving

log = logging.getLogger(__name__)
ATTEMPTS = 10
PAUSE_SECONDS = 3.0  # before it is tried again: those who had to wait are let through


class Removed(NamedTuple):
    """What a week had, or what went with it."""

    week: datetime
    events: int
    billed_bytes: int
    sessions: int = 0  # that went; those that reach beyond the week are summed up again


def retained_since(now: datetime) -> datetime | None:
    """Weeks that end before this are removed; None where all is kept."""
    return now - timedelta(weeks=settings.RETENTION_WEEKS) if settings.RETENTION_WEEKS else None


def kept_since(now: datetime) -> datetime | None:
    """When the earliest week begins that is kept; None where all is kept."""
    since = retained_since(now)
    return week_of(since) if since else None


def preview(week: datetime) -> Removed:
    """What a removal of a week would remove."""
    with transaction.atomic():
        return _summed(week, removing.counted(week))


def remove_week(week: datetime, actor: audit.Actor, now: datetime) -> Removed | None:
    """Remove a week; None where somebody else removes at this moment.

    Raises OperationalError where the tables can't be had for a moment.
    """
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return _remove(week, actor, now) if removing.is_alone() else None
        except OperationalError as error:
            passes = isinstance(error.__cause__, LockNotAvailable | DeadlockDetected)
            if not passes or attempt == ATTEMPTS - 1:
                raise
            log.info("A week can't be dropped beside those who read; it is tried again")
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("the last attempt returns or raises")


def _remove(week: datetime, actor: audit.Actor, now: datetime) -> Removed:
    removing.hold(week)
    counted = removing.counted(week)
    removing.touch_quarters(week)
    # Most of the sessions go before everybody has to wait, those that were just being summed up after it.
    sessions = leaving.remove_within(week)
    removing.drop(week)
    sessions += leaving.remove_within(week)
    leaving.touch_across(week)
    usage.add(removing.tally(counted, now))
    removed = _summed(week, counted)._replace(sessions=sessions)
    audit.record(actor, "events.removed", title(week), after=removed._asdict())
    return removed


def _summed(week: datetime, counted: Sequence[Leaving]) -> Removed:
    events, billed = (sum(getattr(each, name) for each in counted) for name in ("events", "billed_bytes"))
    return Removed(week, events, int(billed))


def title(week: datetime) -> str:
    """A week in words."""
    return f"week {week:%Y-%m-%d} to {week + WEEK - timedelta(days=1):%Y-%m-%d}"
