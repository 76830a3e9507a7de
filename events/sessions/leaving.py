"""Leaving: what becomes of sessions whose events are removed with their week.

A session that lies within the week goes with it: with its pages, environments and counts, and with the ids
that led to it; the reports' rollups of when it began are computed again. One that reaches beyond the week is
touched, so that it is summed up again from what is left.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from events.partitions import WEEK

# Statements of one snapshot: the parts are found by the sessions that the first one deletes.
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

_TOUCH = """
INSERT INTO events_touchedsession (owner_id, source_id, session, device, channel, since, until)
SELECT owner_id, source_id, session, CASE WHEN session IS NULL THEN device END,
       CASE WHEN session IS NULL THEN channel END, started_at, ended_at
FROM events_session WHERE started_at < %(until)s AND ended_at >= %(since)s
"""


def remove_within(week: datetime) -> int:
    """Remove the sessions that begin and end in a week; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_REMOVE, _bounds(week))
        removed: int = cursor.fetchone()[0]
        return removed


def touch_across(week: datetime) -> int:
    """Let the sessions be summed up again that a week is only a part of; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, _bounds(week))
        touched: int = cursor.rowcount
        return touched


def _bounds(week: datetime) -> dict[str, Any]:
    return {"since": week, "until": week + WEEK}
