"""Blanking: ids of erased rows become nil in the feed, so that cursors, which count ids, stay valid."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from django.db import connection

from events.changes.change import What
from events.changes.reading import since
from events.lib.sql import compose, identifier

NIL = UUID(int=0)
# A change gets its position after its rows were received, by the clock of the database's machine.
_CLOCKS_DIFFER_BY = timedelta(days=1)
_NUMBERED = """
SELECT id, position, ids FROM events_change
WHERE owner_id = %(owner)s AND what = %(what)s AND position > %(position)s
  AND EXISTS (SELECT FROM unnest(ids) AS one (id) WHERE one.id = ANY (%(ids)s))
ORDER BY position LIMIT 50
"""
_UNNUMBERED = """
SELECT id, position, ids FROM events_change
WHERE owner_id = %(owner)s AND what = %(what)s AND position IS NULL
  AND EXISTS (SELECT FROM unnest(ids) AS one (id) WHERE one.id = ANY (%(ids)s))
"""
_BLANK = """
UPDATE events_change SET ids = ARRAY(
    SELECT CASE WHEN one.id = ANY (%(ids)s) THEN %(nil)s ELSE one.id END
    FROM unnest(ids) WITH ORDINALITY AS one (id, place) ORDER BY place
) WHERE id = ANY (%(changes)s)
"""


def blank(what: What, owner_id: int, ids: Collection[UUID], received: datetime) -> None:
    """Blank ids of one owner, none of which was received before a time. Each is in one change."""
    left = set(ids)
    position = since(received - _CLOCKS_DIFFER_BY).position
    found = True
    while left and found:
        rows = _find(_NUMBERED, what, owner_id, left, position)
        left.difference_update(*(ids for _, _, ids in rows))
        found = bool(rows)
        position = rows[-1][1] if rows else position
    if left:
        _find(_UNNUMBERED, what, owner_id, left, position)


def _find(
    query: str, what: What, owner_id: int, ids: Collection[UUID], position: int
) -> list[tuple[int, int, list[UUID]]]:
    """Blank ids in the changes that a query finds; return these as they were."""
    values: dict[str, Any] = {"what": what.value, "owner": owner_id, "position": position}
    values |= {"ids": list(ids), "nil": NIL}
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        rows: list[tuple[int, int, list[UUID]]] = cursor.fetchall()
        if rows:
            cursor.execute(_BLANK, {**values, "changes": [key for key, *_ in rows]})
    return rows


_BLANK_MISSING: LiteralString = """
WITH known AS (SELECT id FROM {table} WHERE owner_id = %(owner)s)
UPDATE events_change SET ids = ARRAY(
    SELECT CASE WHEN known.id IS NULL THEN %(nil)s ELSE one.id END
    FROM unnest(ids) WITH ORDINALITY AS one (id, place) LEFT JOIN known USING (id) ORDER BY place
) WHERE owner_id = %(owner)s AND what = %(what)s AND id IN (
    SELECT change.id FROM events_change change, unnest(ids) AS one (id)
    WHERE owner_id = %(owner)s AND what = %(what)s AND one.id <> %(nil)s
      AND NOT EXISTS (SELECT FROM known WHERE known.id = one.id)
)
"""


def blank_missing(what: What, owner_id: int, table: str) -> int:
    """Blank the ids of an owner that a table doesn't have; return the number of changes that had any."""
    with connection.cursor() as cursor:
        cursor.execute(
            compose(_BLANK_MISSING, table=identifier(table)),
            {"what": what.value, "owner": owner_id, "nil": NIL},
        )
        count: int = cursor.rowcount
        return count
