"""Counted usage: an owner's hours in order, bytes stored before them, and which hours changed."""

from datetime import datetime
from typing import NamedTuple

from django.db import connection
from psycopg import sql


class UsageKey(NamedTuple):
    """The key by which an hour's usage is counted. Tiers are used up in the order of keys."""

    source_id: int
    kind: str
    dialect: str


class HourUsage(NamedTuple):
    """Usage of one key in one hour."""

    hour: datetime
    key: UsageKey
    events: int
    duplicates: int
    rejected: int
    bytes: int
    wire_bytes: int
    removed_bytes: int
    # Of the above, what was imported free of charge.
    free: int = 0
    free_bytes: int = 0
    free_wire_bytes: int = 0


_USAGE = """
SELECT hour, source_id, kind, dialect, stored, duplicates, rejected, billed_bytes, wire_bytes, removed_bytes,
       free, free_bytes, free_wire_bytes
FROM events_usagehour WHERE owner_id = %s AND hour >= %s AND hour < %s
ORDER BY hour, source_id, kind COLLATE "C", dialect COLLATE "C"
"""

# Events filed in an hour are stored from the beginning of that hour, removed ones until the beginning of
# theirs.
_STORED = """
SELECT source_id, kind, dialect, sum(billed_bytes - removed_bytes)::bigint AS bytes
FROM events_usagehour WHERE owner_id = %s AND hour < %s
GROUP BY 1, 2, 3 HAVING sum(billed_bytes - removed_bytes) <> 0
"""

# 64 bits of everything that charges depend on; the order of rows makes no difference.
_FINGERPRINTS = sql.SQL("""
SELECT owner_id, hour, bit_xor(hashtextextended(concat_ws(chr(31), source_id, kind, dialect, stored,
       duplicates, rejected, billed_bytes, wire_bytes, removed_bytes, free, free_bytes, free_wire_bytes), 0))
FROM events_usagehour WHERE owner_id = ANY(%s) AND hour >= %s GROUP BY owner_id, hour
""")

# One statement, so that no change slips in between detecting and noting it. The usage to charge is read
# later and may be newer than the note; those hours are then charged once more.
_NOTE = sql.SQL("""
WITH noted AS (
    INSERT INTO cost_chargedhour (owner_id, hour, fingerprint) {fingerprints}
    ON CONFLICT (owner_id, hour) DO UPDATE SET fingerprint = excluded.fingerprint
    WHERE cost_chargedhour.fingerprint <> excluded.fingerprint
    RETURNING owner_id, hour
), forgotten AS (
    DELETE FROM cost_chargedhour c WHERE owner_id = ANY(%s) AND hour >= %s
    AND NOT EXISTS (SELECT 1 FROM events_usagehour u WHERE u.owner_id = c.owner_id AND u.hour = c.hour)
    RETURNING owner_id, hour
)
SELECT owner_id, min(hour) FROM (SELECT * FROM noted UNION ALL SELECT * FROM forgotten) changed GROUP BY 1
""").format(fingerprints=_FINGERPRINTS)

_WITH_USAGE = """
SELECT o.id FROM events_owner o WHERE organization_id = %s
AND EXISTS (SELECT 1 FROM events_usagehour u WHERE u.owner_id = o.id) ORDER BY o.id
"""


def hourly_usage(owner_id: int, since: datetime, until: datetime) -> list[HourUsage]:
    """Return an owner's usage between two hours, by hour and key."""
    with connection.cursor() as cursor:
        cursor.execute(_USAGE, [owner_id, since, until])
        return [
            HourUsage(hour, UsageKey(source_id, kind, dialect), *counts)
            for hour, source_id, kind, dialect, *counts in cursor.fetchall()
        ]


def stored_bytes(owner_id: int, before: datetime) -> dict[UsageKey, int]:
    """Return the bytes that an owner had stored at the beginning of an hour, by key."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [owner_id, before])
        return {
            UsageKey(source_id, kind, dialect): count for source_id, kind, dialect, count in cursor.fetchall()
        }


def note_changes(owner_ids: list[int], since: datetime) -> dict[int, datetime]:
    """Return the first hour from `since` on whose usage changed since the last note, by owner.

    The current usage is noted in the caller's transaction, which must also charge it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [owner_ids, since, owner_ids, since])
        return dict(cursor.fetchall())


def owners_with_usage(organization_id: int) -> list[int]:
    """Return the owners of an organization that have any usage."""
    with connection.cursor() as cursor:
        cursor.execute(_WITH_USAGE, [organization_id])
        return [key for (key,) in cursor.fetchall()]


def first_hour(owner_ids: list[int]) -> datetime | None:
    """Return the first hour with usage."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(hour) FROM events_usagehour WHERE owner_id = ANY(%s)", [owner_ids])
        found: datetime | None
        (found,) = cursor.fetchone()
    return found
