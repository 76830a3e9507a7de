"""Removal of events, a week at a time, each in one transaction.

If it is killed at any instruction, the week stays as it was. Reading and filing continue while a week is
counted, and wait only while its partitions are dropped. If a reader takes longer than the lock timeout, the
removal is rolled back and tried again.

Sessions and rollups are removed with their events, or kept until their own limit (REPORT_RETENTION_WEEKS) and
then never computed again (`events.store.retention`).
"""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from events.accounts import audit
from events.event import Event
from events.identity import EPOCH, week_of
from events.partitioned.partitions import WEEK
from events.sessions import removal, summarising
from events.store import retention, usage
from events.store.retention import RemovedCount

log = logging.getLogger(__name__)
ATTEMPTS = 10
SUMMARISE_SECONDS = 60.0
PAUSE_SECONDS = 3.0  # between attempts, so that waiting readers can continue


class Removed(NamedTuple):
    """The content of a week that was, or would be, removed."""

    week: datetime
    events: int
    billed_bytes: int
    sessions: int = 0  # removed sessions; those that extend beyond the week are computed again


class Unfinished(Exception):
    """Sessions or rollups of a week are pending, and couldn't be computed without its events."""


def retained_since(now: datetime) -> datetime | None:
    """Return the time before which weeks must end to be removed; None if all are kept."""
    return now - timedelta(weeks=settings.RETENTION_WEEKS) if settings.RETENTION_WEEKS else None


def kept_since(now: datetime) -> datetime | None:
    """Return the start of the earliest kept week; None if all are kept."""
    since = retained_since(now)
    sealed = retention.sealed_until()
    return max((each for each in (since and week_of(since), sealed) if each), default=None)


def reports_retained_since(now: datetime) -> datetime | None:
    """Return the time before which weeks must end for their sessions and rollups to be removed."""
    weeks = settings.REPORT_RETENTION_WEEKS
    return now - timedelta(weeks=weeks) if weeks else None


def keeps_reports(week: datetime, now: datetime) -> bool:
    """True if sessions and rollups of a week outlive its events."""
    if settings.REPORT_RETENTION_WEEKS == settings.RETENTION_WEEKS:
        return False
    since = reports_retained_since(now)
    return since is None or week + WEEK > since


def preview(week: datetime) -> Removed:
    """Return what the removal of a week would remove."""
    with transaction.atomic():
        return _summed(week, retention.count_week(week))


def remove_week(
    week: datetime, actor: audit.Actor, now: datetime, *, keep_reports: bool | None = None
) -> Removed | None:
    """Remove a week; None if another process is removing one.

    By default, settings decide if its reports stay.

    Raises OperationalError if the tables can't be locked in time, and Unfinished.
    """
    keep = keeps_reports(week, now) if keep_reports is None else keep_reports
    if keep:
        # Summarise sessions that extended here from the previous week, which may just have been removed.
        summarising.summarise_pending(seconds=SUMMARISE_SECONDS)
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return _remove(week, actor, now, keep=keep) if retention.try_lock() else None
        except OperationalError as error:
            passes = isinstance(error.__cause__, LockNotAvailable | DeadlockDetected)
            if not passes or attempt == ATTEMPTS - 1:
                raise
            log.info("A week can't be dropped while it is being read; trying again")
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("the last attempt returns or raises")


def _remove(week: datetime, actor: audit.Actor, now: datetime, *, keep: bool) -> Removed:
    retention.lock_week(week)
    counted = retention.count_week(week)
    sessions = 0
    if keep:
        _check_finished(week)
        retention.drop_week(week)
    else:
        retention.requeue_quarters(week)
        # Most sessions are removed before others have to wait. Those being summarised just now follow.
        sessions = removal.remove_week(week)
        retention.drop_week(week)
        sessions += removal.remove_week(week)
    # If reports are kept, `_check_finished` ensured that earlier sessions end before the week.
    removal.requeue_crossing(week, since=week if keep else EPOCH)
    retention.note_events_removed(week + WEEK, reports_kept=keep)
    usage.apply_delta(retention.removal_delta(counted, now))
    removed = _summed(week, counted)._replace(sessions=sessions)
    audit.record(actor, "events.removed", title(week), after=removed._asdict() | {"reports_kept": keep})
    return removed


def _check_finished(week: datetime) -> None:
    """Raise Unfinished if sessions or rollups of a week, or of earlier weeks, are pending."""
    first = Event.objects.order_by("id").first()
    if first and first.occurred_at < week:
        before = week_of(first.occurred_at.astimezone(UTC))
        raise Unfinished(f"Remove the {title(before)} before the {title(week)}.")
    if waiting := retention.pending_work(week):
        raise Unfinished(
            f"The {title(week)} still has {waiting} to compute. Its events can be removed once workers have"
            f" done that."
        )


def remove_old_reports(actor: audit.Actor, now: datetime) -> int:
    """Remove sessions that outlived their events and exceed REPORT_RETENTION_WEEKS; return their number.

    Rollups follow: those of sessions are computed again, those of events are removed by their own task.
    """
    if (until := reports_kept_since(now)) is None:
        return 0
    # If removing a week failed, its sessions stay with its events.
    first = Event.objects.order_by("id").first()
    if first is not None:
        until = min(until, week_of(first.occurred_at.astimezone(UTC)))
    removed = 0
    while (week := removal.first_week(until)) is not None:
        with transaction.atomic():
            count = removal.remove_period(week, week + WEEK)
            if not count:  # it extends into a week that is kept
                break
            removed += count
    if retention.sealed_until() is not None:
        retention.note_reports_removed(until)
    if removed:
        audit.record(actor, "reports.removed", f"before {until:%Y-%m-%d}", after={"sessions": removed})
    return removed


def reports_kept_since(now: datetime) -> datetime | None:
    """Return the start of the earliest week whose sessions and rollups are kept; None if all are."""
    since = reports_retained_since(now)
    return week_of(since) if since else None


def _summed(week: datetime, counted: Sequence[RemovedCount]) -> Removed:
    events, billed = (sum(getattr(each, name) for each in counted) for name in ("events", "billed_bytes"))
    return Removed(week, events, int(billed))


def title(week: datetime) -> str:
    """Return a week in words."""
    return f"week {week:%Y-%m-%d} to {week + WEEK - timedelta(days=1):%Y-%m-%d}"
