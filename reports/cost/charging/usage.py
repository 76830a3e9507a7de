"""Counted usage, as charges are made from it: an owner's hours in order, and what it kept before them."""

from datetime import datetime
from typing import NamedTuple

from django.db import connection


class Key(NamedTuple):
    """What usage of an hour is counted by. The order of keys is the order in which tiers are used up."""

    source_id: int
    kind: str
    dialect: str


class Use(NamedTuple):
    """Usage of one key in one hour."""

    hour: datetime
    key: Key
    events: int
    duplicates: int
    rejected: int
    bytes: int
    wire_bytes: int
    removed_bytes: int


_USES = """
SELECT hour, source_id, kind, dialect, stored, duplicates, rejected, billed_bytes, wire_bytes, removed_bytes
FROM events_usagehour WHERE owner_id = %s AND hour >= %s AND hour < %s
ORDER BY hour, source_id, kind COLLATE "C", dialect COLLATE "C"
"""

# What was filed in an hour is kept from the begin of that hour, what was removed in one until its begin.
_KEPT = """
SELECT source_id, kind, dialect, sum(billed_bytes - removed_bytes)::bigint AS bytes
FROM events_usagehour WHERE owner_id = %s AND hour < %s
GROUP BY 1, 2, 3 HAVING sum(billed_bytes - removed_bytes) <> 0
"""

# 64 bits of all that charges are made from: equal for equal rows, whatever their order.
_FINGERPRINTS = """
SELECT owner_id, hour, bit_xor(hashtextextended(concat_ws(chr(31), source_id, kind, dialect, stored,
       duplicates, rejected, billed_bytes, wire_bytes, removed_bytes), 0))
FROM events_usagehour WHERE owner_id = ANY(%s) AND hour >= %s GROUP BY owner_id, hour
"""

# In one statement, so that no change slips in between seeing and noting it. What is charged is read later, so
# it is at least as new; where it is newer, the note is older than the charges, and they are made once more.
_NOTE = f"""
WITH noted AS (
    INSERT INTO cost_chargedhour (owner_id, hour, fingerprint) {_FINGERPRINTS}
    ON CONFLICT (owner_id, hour) DO UPDATE SET fingerprint = excluded.fingerprint
    WHERE cost_chargedhour.fingerprint <> excluded.fingerprint
    RETURNING owner_id, hour
), forgotten AS (
    DELETE FROM cost_chargedhour c WHERE owner_id = ANY(%s) AND hour >= %s
    AND NOT EXISTS (SELECT 1 FROM events_usagehour u WHERE u.owner_id = c.owner_id AND u.hour = c.hour)
    RETURNING owner_id, hour
)
SELECT owner_id, min(hour) FROM (SELECT * FROM noted UNION ALL SELECT * FROM forgotten) changed GROUP BY 1
"""  # noqa: S608  (made of the statement above)

_WITH_USAGE = """
SELECT o.id FROM events_owner o WHERE organization_id = %s
AND EXISTS (SELECT 1 FROM events_usagehour u WHERE u.owner_id = o.id) ORDER BY o.id
"""


def uses(owner_id: int, since: datetime, until: datetime) -> list[Use]:
    """An owner's usage from an hour to another, by hour and key."""
    with connection.cursor() as cursor:
        cursor.execute(_USES, [owner_id, since, until])
        return [
            Use(hour, Key(source_id, kind, dialect), *counts)
            for hour, source_id, kind, dialect, *counts in cursor.fetchall()
        ]


def kept(owner_id: int, before: datetime) -> dict[Key, int]:
    """Bytes of the events filed before an hour and not removed before it."""
    with connection.cursor() as cursor:
        cursor.execute(_KEPT, [owner_id, before])
        return {Key(source_id, kind, dialect): count for source_id, kind, dialect, count in cursor.fetchall()}


def note(owner_ids: list[int], since: datetime) -> dict[int, datetime]:
    """For each owner whose usage has changed since it was noted last, the first such hour from `since` on.

    Notes it as it is now, in the transaction that is to charge it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [owner_ids, since, owner_ids, since])
        return dict(cursor.fetchall())


def owners_with_usage(organization_id: int) -> list[int]:
    """The owners of an organization that there is anything to charge of."""
    with connection.cursor() as cursor:
        cursor.execute(_WITH_USAGE, [organization_id])
        return [key for (key,) in cursor.fetchall()]


def first_hour(owner_ids: list[int]) -> datetime | None:
    """The first hour that has usage."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(hour) FROM events_usagehour WHERE owner_id = ANY(%s)", [owner_ids])
        found: datetime | None
        (found,) = cursor.fetchone()
    return found
