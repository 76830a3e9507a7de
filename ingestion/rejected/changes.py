"""Changes of rejected events: added to the change feed, and removed once the events are gone."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from events.changes import change
from events.changes.change import What
from events.lib.janitors import janitor
from events.store.erasing import patiently

# Rejected events stay until somebody replays or discards them, so their age says nothing.
_REMOVE = """
DELETE FROM events_change WHERE what = %s AND position IS NOT NULL AND NOT EXISTS (
    SELECT FROM unnest(ids) AS one (id) JOIN ingestion_rejectedevent rejected
        ON rejected.id = ('x' || right(replace(one.id::text, '-', ''), 16))::bit(64)::bigint
)
"""


def note(pairs: Iterable[tuple[int, int]]) -> None:
    """Add rejected events to the change feed, given by owner and key."""
    change.add_pairs(What.REJECTED, pairs)


@janitor("changes of rejected events")
def remove_old(_: datetime) -> int:
    """Remove changes whose rejected events were all replayed or discarded."""
    with transaction.atomic(), connection.cursor() as cursor:
        patiently()
        cursor.execute(_REMOVE, [What.REJECTED.value])
        removed: int = cursor.rowcount
        return removed
