"""Completing the feed with what was stored before it existed, or by a release that doesn't know it."""

from django.db import connection, transaction

from events.feed.change import What

_CHUNK = 1_000  # ids of a change

# An event and its change are committed together, so one snapshot has both or neither.
_ADD_MISSING = """
INSERT INTO events_change (what, owner_id, ids, count)
SELECT {what}, owner_id, array_agg(id ORDER BY id), count(*) FROM (
    SELECT owner_id, id, row_number() OVER (PARTITION BY owner_id ORDER BY id) / {chunk} AS chunk
    FROM (SELECT owner_id, {id} AS id FROM {table}) AS stored
    WHERE NOT EXISTS (
        SELECT FROM (SELECT unnest(ids) AS id FROM events_change WHERE what = {what}) AS known
        WHERE known.id = stored.id
    )
) AS missing GROUP BY owner_id, chunk ORDER BY (array_agg(id ORDER BY id))[1]
"""
_NUMBER_AS_UUID = "lpad(to_hex(id), 32, '0')::uuid"
_STORED = (
    (What.EVENTS, "events_event", "id"),
    (What.REJECTED, "ingestion_rejectedevent", _NUMBER_AS_UUID),
    (What.SESSIONS, "events_session", "id"),
)
STATEMENTS = {
    what: _ADD_MISSING.format(what=what.value, table=table, id=number, chunk=_CHUNK)
    for what, table, number in _STORED
}


def complete() -> dict[str, int]:
    """Add what is stored and not in the feed; return how many changes that took."""
    added = {}
    for what, statement in STATEMENTS.items():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(statement)
            added[what.label] = cursor.rowcount
    return {str(label): count for label, count in added.items()}
