"""Compute the rows that filing would have derived from the events of a filled database, with SQL.

Tally's own code computes rollups and charges (`benchmarks.report_pages`).
"""

from collections.abc import Callable

from django.db import connection, transaction

from events.sessions.keys import Names
from events.store import pending
from events.store.pending import SessionKey

_USAGE_HOURS = """
INSERT INTO events_usagehour
    (owner_id, source_id, kind, dialect, hour, received, stored, duplicates, rejected, conflicting,
     billed_bytes, wire_bytes)
SELECT owner_id, source_id, kind, dialect, date_trunc('hour', received_at, 'UTC'),
       count(*), count(*), 0, 0, 0, sum(billed_bytes), sum(wire_bytes)
FROM events_event GROUP BY 1, 2, 3, 4, 5 ORDER BY 5, 1, 2, 3, 4
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


# Keys are few, so each finds its events by hashing. Gaps of more than ten minutes count nothing.
_SESSIONS = """
INSERT INTO events_session (id, owner_id, source_id, session, dialect, type, started_at, ended_at, time_spent,
    events, page_views, interactions, errors, first_page, last_page, entry_kind, entry_event, exit_kind,
    exit_event, device, channel, actor, actor_type, version, country)
SELECT number, owner_id, source_id, nullif(max(key_session), ''), (array_agg(dialect ORDER BY id))[1], 'app',
       min(occurred_at), max(occurred_at),
       coalesce(sum(extract(epoch FROM gap)) FILTER (WHERE gap <= interval '10 minutes'), 0),
       count(*), count(*) FILTER (WHERE kind = 'impression'), count(*) FILTER (WHERE kind = 'interact'),
       count(*) FILTER (WHERE kind = 'error'),
       (array_agg(pageid ORDER BY id) FILTER (WHERE pageid IS NOT NULL))[1],
       (array_agg(pageid ORDER BY id DESC) FILTER (WHERE pageid IS NOT NULL))[1],
       (array_agg(kind ORDER BY id))[1], (array_agg(id ORDER BY id))[1],
       (array_agg(kind ORDER BY id DESC))[1], (array_agg(id ORDER BY id DESC))[1],
       max(device), max(channel), max(actor), max(actor_type), max(version), max(country)
FROM (SELECT numbered.number, numbered.session AS key_session, event.*, pageid,
             occurred_at - lag(occurred_at) OVER (PARTITION BY number ORDER BY event.id) AS gap
      FROM numbered
      JOIN events_event event
        ON event.owner_id = numbered.owner_id AND event.source_id = numbered.source_id
       AND coalesce(event.session, '') = numbered.session
       AND CASE WHEN coalesce(event.session, '') = '' THEN coalesce(device, '') ELSE '' END = named
       AND CASE WHEN coalesce(event.session, '') = '' THEN coalesce(channel, '') ELSE '' END = placed
      LEFT JOIN events_impression USING (id)) of_key
GROUP BY number, owner_id, source_id
ON CONFLICT (id) DO NOTHING
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


def sessions() -> None:
    """Those that still wait, at once instead of block by block: 2 million in minutes.

    As the summariser makes them, but for those of devices, which are not cut; and without their pages and
    environments. To measure what pages read, not to be verified.
    """
    waiting = pending.TouchedSession.objects.values_list(
        "owner_id", "source_id", "session", "device", "channel"
    )
    keys = {SessionKey(*row) for row in waiting.iterator()}
    names = Names.of(keys)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE numbered (number uuid, owner_id bigint, source_id bigint,"
            " session text, named text, placed text) ON COMMIT DROP"
        )
        with cursor.copy("COPY numbered FROM STDIN") as copy:
            for key in keys:
                texts = (text or "" for text in (key.session, key.device, key.channel))
                copy.write_row((names.number(key), key.owner_id, key.source_id, *texts))
        cursor.execute("ANALYZE numbered")
        cursor.execute(_SESSIONS)
        cursor.execute("TRUNCATE events_touchedsession")


def statistics() -> None:
    """What autovacuum would have done by now."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


ALL: dict[str, Callable[[], None]] = {
    "usage hours": usage_hours,
    "touched sessions": touched_sessions,
    "sessions": sessions,
    "vacuum": statistics,
}
