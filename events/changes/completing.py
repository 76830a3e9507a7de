"""Completing the feed, in migrations, with what was stored before it existed."""

from events.changes.change import What

CHUNK = 1_000  # ids of a change
# A row and its change are committed together, so one snapshot has both or neither.
_MISSING = """
SET LOCAL statement_timeout = 0;
INSERT INTO events_change (what, owner_id, ids, count)
SELECT {what}, owner_id, array_agg(id ORDER BY id), count(*) FROM (
    SELECT owner_id, id, (row_number() OVER (PARTITION BY owner_id ORDER BY id) - 1) / {chunk} AS chunk
    FROM (SELECT owner_id, {id} AS id FROM {table}) AS stored
    WHERE NOT EXISTS (
        SELECT FROM (SELECT unnest(ids) AS id FROM events_change WHERE what = {what}) AS known
        WHERE known.id = stored.id
    )
) AS missing GROUP BY owner_id, chunk ORDER BY (array_agg(id ORDER BY id))[1]
"""
NUMBER_AS_UUID = "lpad(to_hex(id), 32, '0')::uuid"


def missing(what: What, table: str, number: str = "id") -> str:
    """Return the statements that add a table's rows to the feed; `number` is their id as a UUID."""
    return _MISSING.format(what=what.value, table=table, id=number, chunk=CHUNK)
