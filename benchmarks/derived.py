"""Derived rows of a filled database, set-based from its events: what filing them would have left.

Rows that other parts derive (sessions, rollups) have commands of their own, to be called from `ALL`.
"""

from collections.abc import Callable

from django.db import connection, transaction

_USAGE_HOURS = """
INSERT INTO events_usagehour
    (owner_id, source_id, kind, dialect, hour, received, stored, duplicates, rejected, conflicting,
     billed_bytes, wire_bytes)
SELECT owner_id, source_id, kind, dialect, date_trunc('hour', received_at, 'UTC'),
       count(*), count(*), 0, 0, 0, sum(billed_bytes), sum(wire_bytes)
FROM events_event GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (owner_id, hour, source_id, kind, dialect) DO UPDATE SET
    stored = excluded.stored,
    received = excluded.stored + events_usagehour.duplicates + events_usagehour.rejected,
    billed_bytes = excluded.billed_bytes,
    wire_bytes = excluded.wire_bytes
"""

_TOUCHED_SESSIONS = """
INSERT INTO events_touchedsession (owner_id, source_id, session, device, channel, since, until)
SELECT owner_id, source_id, nullif(session, ''),
       CASE WHEN coalesce(session, '') = '' THEN device END,
       CASE WHEN coalesce(session, '') = '' THEN channel END,
       min(occurred_at), max(occurred_at)
FROM events_event WHERE coalesce(nullif(session, ''), device, '') <> ''
GROUP BY 1, 2, 3, 4, 5
"""


def usage_hours() -> None:
    """Counters that equal the events; duplicates and rejected ones stay as counted."""
    with connection.cursor() as cursor:
        cursor.execute(_USAGE_HOURS)


def touched_sessions() -> None:
    """Every session is to be summarised."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_touchedsession")
        cursor.execute(_TOUCHED_SESSIONS)


def statistics() -> None:
    """What autovacuum would have done by now."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


ALL: dict[str, Callable[[], None]] = {
    "usage hours": usage_hours,
    "touched sessions": touched_sessions,
    "vacuum": statistics,
}
