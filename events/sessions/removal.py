"""Removal of sessions with the weeks of their events.

A session that lies within a removed week is deleted with its pages, environments, counts and redirects, and
the rollups of the time it began in are computed again. If sessions are kept longer than events, it stays
until their own limit. A session that extends beyond the week is requeued and computed from the remaining
events.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower

from events.event import Event
from events.identity import week_of
from events.ownership.owner import Owner
from events.partitioned.partitions import WEEK
from events.sessions import writing
from events.sessions.session import Session
from events.store import pending, retention
from events.store.erasing import patiently

# Statements with one snapshot: the first deletes sessions, and the others find the parts by these.
_REMOVE = """
WITH gone AS (
    DELETE FROM events_session
    WHERE started_at >= %(since)s AND started_at < %(until)s AND ended_at < %(until)s
    RETURNING id, owner_id, started_at
), pages AS (DELETE FROM events_sessionpage USING gone WHERE session_id = gone.id
), environments AS (DELETE FROM events_sessionenv USING gone WHERE session_id = gone.id
), counts AS (DELETE FROM events_sessioneventcount USING gone WHERE session_id = gone.id
), redirects AS (DELETE FROM events_sessionredirect USING gone WHERE current = gone.id
), quarters AS (
    INSERT INTO events_touchedquarter (owner_id, quarter, of_sessions)
    SELECT DISTINCT owner_id, date_bin('15 minutes', started_at, 'epoch'::timestamptz), true FROM gone)
SELECT count(*) FROM gone
"""

_REQUEUE = """
INSERT INTO events_touchedsession (owner_id, source_id, session, device, channel, since, until)
SELECT owner_id, source_id, session, CASE WHEN session IS NULL THEN device END,
       CASE WHEN session IS NULL THEN channel END, started_at, ended_at
FROM events_session
WHERE started_at >= %(since)s AND started_at < %(until)s AND ended_at >= %(until)s
"""
ERASED_AT_ONCE = 500  # sessions


def remove_week(week: datetime) -> int:
    """Remove the sessions that begin and end in a week; return their number."""
    return remove_period(week, week + WEEK)


def remove_period(since: datetime, until: datetime) -> int:
    """Remove the sessions that begin and end in a period; return their number."""
    with connection.cursor() as cursor:
        cursor.execute(_REMOVE, {"since": since, "until": until})
        removed: int = cursor.fetchone()[0]
        return removed


def first_week(until: datetime) -> datetime | None:
    """Return the week of the first session that begins and ends before a time, or None."""
    sessions = Session.objects.filter(started_at__lt=until, ended_at__lt=until)
    first = sessions.order_by("started_at", "id").first()
    return week_of(first.started_at.astimezone(UTC)) if first else None


def requeue_crossing(week: datetime, since: datetime) -> int:
    """Queue the sessions that begin at `since` or later and extend beyond a week; return their number."""
    with connection.cursor() as cursor:
        cursor.execute(_REQUEUE, {"since": since, "until": week + WEEK})
        count: int = cursor.rowcount
        return count


Note = Callable[[Sequence[Event | Session]], object]


def erase_actor(owner: Owner, names: Sequence[str], note: Note, *, any_case: bool) -> int:
    """Erase an actor's sessions that outlived their events, queue their rollups, and return their number.

    `note` is called with each batch in the transaction that deletes it.
    """
    sealed = retention.sealed_until()
    if sealed is None:
        return 0
    rows = Session.objects.filter(owner=owner, started_at__lt=sealed)
    if any_case:
        folded = sorted({name.lower() for name in names})
        rows = rows.alias(named=Lower("actor")).filter(named__in=folded)
    else:
        rows = rows.filter(actor__in=names)
    erased = 0
    while batch := _erase_batch(rows.order_by("pk")[:ERASED_AT_ONCE], note):
        erased += batch
    return erased


def ids_in_sessions(owner: Owner, column: str, ids: Iterable[str]) -> frozenset[str]:
    """Return the session or device ids that sessions without events still have."""
    sealed = retention.sealed_until()
    wanted = sorted(ids)
    if sealed is None or not wanted:
        return frozenset()
    rows = Session.objects.filter(owner=owner, started_at__lt=sealed, **{f"{column}__in": wanted})
    with transaction.atomic():
        patiently()
        return frozenset(rows.order_by().values_list(column, flat=True).distinct())


def _erase_batch(rows: QuerySet[Session], note: Note) -> int:
    with transaction.atomic():
        patiently()
        sessions = list(rows)
        note(sessions)
        writing.remove([session.pk for session in sessions], {})
        quarters = {(session.owner_id, pending.quarter_at(session.started_at)) for session in sessions}
        pending.add_quarters(quarters, of_sessions=True)
    return len(sessions)
