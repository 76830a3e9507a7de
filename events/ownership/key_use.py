"""When keys were last used: noted at most once a minute for each, beside work that writes anyway."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import connection

EXACT_TO = timedelta(minutes=1)

# Rows that somebody else holds are left for the next time: nobody waits for this, nor meets a deadlock.
_NOTE = """
UPDATE events_apikey SET last_used_at = stale.moment FROM (
    SELECT key.id, used.moment FROM events_apikey key
    JOIN unnest(%s::bigint[], %s::timestamptz[]) AS used (id, moment) ON used.id = key.id
    WHERE key.last_used_at IS NULL OR key.last_used_at <= used.moment - %s * interval '1 second'
    FOR NO KEY UPDATE OF key SKIP LOCKED
) stale WHERE events_apikey.id = stale.id
"""


def note(uses: Mapping[int, datetime]) -> None:
    """Note when each key was used last; of one that was noted less than a minute before nothing."""
    if not uses:
        return
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [list(uses), list(uses.values()), EXACT_TO.total_seconds()])


def is_stale(noted: datetime | None, now: datetime) -> bool:
    """Whether what is noted of a key is so old that a use is worth a statement."""
    return noted is None or noted <= now - EXACT_TO
