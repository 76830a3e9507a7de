"""Fill tables until plans matter: a small team has a twentieth of the rows, a large team the rest."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from events.identity import week_of
from events.partitioned.partitions import WEEK, make_partitions

MANY = 20_000
DAYS = 28

# Every twentieth row belongs to the small team. Half of each team's events are errors.
_EVENTS = """
INSERT INTO events_event (id, dialect, kind, owner_id, source_id, session, occurred_at, received_at,
                          ingested_at, billed_bytes, wire_bytes)
SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || '8' || left(md5(g::text), 3)
        || '8' || right(md5(g::text), 15))::uuid,
       'sunbird', CASE WHEN (g + g / 20) % 2 = 0 THEN 'log' ELSE 'error' END,
       CASE WHEN g % 20 = 0 THEN {small} ELSE {large} END, {source}, 'visit ' || g / 20, t, t, t, 1, 1
FROM (SELECT g, now() - g * interval '{step} seconds' AS t FROM generate_series(1, {many}) g) moments
"""
_LOGS = """
INSERT INTO events_log (id, level) SELECT id, 'INFO' FROM events_event WHERE kind = 'log'
ON CONFLICT DO NOTHING
"""
_ERRORS = """
INSERT INTO events_error (id, err, errtype, stacktrace) SELECT id, 'E42', 'SYSTEM', 'at pay()'
FROM events_event WHERE kind = 'error' ON CONFLICT DO NOTHING
"""
_SESSIONS = """
INSERT INTO events_session (id, owner_id, source_id, session, dialect, type, started_at, ended_at, time_spent,
                            events, page_views, interactions, errors, entry_kind, entry_event,
                            exit_kind, exit_event, actor)
SELECT md5(g::text)::uuid, CASE WHEN g % 20 = 0 THEN {small} ELSE {large} END, {source}, 'visit ' || g,
       'sunbird', 'app', t, t, 0, 1, 0, 0, 0, 'log', md5(g::text)::uuid, 'log', md5(g::text)::uuid,
       'user ' || g % 500
FROM (SELECT g, now() - g * interval '{step} seconds' AS t FROM generate_series(1, {many}) g) moments
"""
# One row per hour for the small team, and twenty for the large one.
_USAGE = """
INSERT INTO events_usagehour (owner_id, source_id, kind, dialect, hour, received, stored, duplicates,
                              rejected, conflicting, billed_bytes, wire_bytes)
SELECT CASE WHEN k = 1 THEN {small} ELSE {large} END, {source}, 'kind ' || k, 'sunbird',
       date_trunc('hour', now(), 'UTC') - h * interval '1 hour', 1, 1, 0, 0, 0, 1, 1
FROM generate_series(0, 24 * {days}) h, generate_series(1, 21) k
ON CONFLICT DO NOTHING
"""
_REJECTED = """
INSERT INTO ingestion_rejectedevent (owner_id, source_id, dialect, encoding, kind, code, path, message,
    client_event_id, received_at, last_received_at, seen, content_hash, body, context, strict)
SELECT CASE WHEN g % 20 = 0 THEN {small} ELSE {large} END, {source}, 'sunbird', 'json', 'log', 'missing',
       'mid', 'It is missing.', '', t, t, 1, sha256(g::text::bytea), '', '{{}}', false
FROM (SELECT g, now() - g * interval '{step} seconds' AS t FROM generate_series(1, {rejected}) g) moments
"""
_DISCARDED = """
INSERT INTO ingestion_discardedevent (owner_id, source_id, dialect, kind, code, client_event_id, received_at,
    seen, discarded_at, discarded_by, reason)
SELECT owner_id, source_id, dialect, kind, code, '', received_at, seen, received_at, 'olga', 'spam'
FROM ingestion_rejectedevent
"""
# One row per hour and per day for the small team, and twenty for the large one.
_ROLLUP = """
INSERT INTO rollups_events (owner_id, grain, bucket, source_id, version, country, kind, events,
                            billed_bytes, first, latest)
SELECT CASE WHEN k = 1 THEN {small} ELSE {large} END, minutes, bucket, {source}, '', '', 'kind ' || k,
       1, 1, bucket, bucket
FROM (VALUES (60), (1440)) grains (minutes),
     LATERAL (SELECT make_interval(mins => minutes) AS step) steps,
     LATERAL generate_series(date_bin(step, now() - interval '{days} days', 'epoch'), now(), step) bucket,
     generate_series(1, 21) k
"""
# Ten events per change. All are numbered already, since few changes are unread at any time.
_CHANGES = """
INSERT INTO events_change (what, owner_id, ids, count, position)
SELECT what, owner_id, ids, 10, row_number() OVER (ORDER BY ids, what)
FROM (SELECT owner_id, array_agg(id ORDER BY id) AS ids FROM (
    SELECT owner_id, id, row_number() OVER (PARTITION BY owner_id ORDER BY id) / 10 AS chunk FROM events_event
) AS chunks GROUP BY owner_id, chunk) AS changes, generate_series(1, 3) AS what
"""
TABLES = (
    "events_change",
    "events_event",
    "events_log",
    "events_error",
    "events_session",
    "events_touchedsession",
    "events_usagehour",
    "ingestion_rejectedevent",
    "ingestion_discardedevent",
    "rollups_events",
)


def start_afresh() -> None:
    """Truncate the tables: rows that earlier tests rolled back bloat them and mislead the planner."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")


def fill(small: int, large: int, source: int) -> None:
    """Fill the tables for two owners, and collect planner statistics."""
    now = timezone.now()
    make_partitions(_weeks(now))
    names = {
        "small": small,
        "large": large,
        "source": source,
        "many": MANY,
        "days": DAYS,
        "rejected": MANY // 4,
        "step": DAYS * 86_400 // MANY,
    }
    with connection.cursor() as cursor:
        for statement in (
            _EVENTS,
            _LOGS,
            _ERRORS,
            _SESSIONS,
            _USAGE,
            _REJECTED,
            _DISCARDED,
            _ROLLUP,
            _CHANGES,
        ):
            cursor.execute(statement.format(**names))
        cursor.execute(f"ANALYZE {', '.join(TABLES)}")


def _weeks(now: datetime) -> list[datetime]:
    first = week_of(now - timedelta(days=DAYS))
    return [first + n * WEEK for n in range(DAYS // 7 + 2)]
