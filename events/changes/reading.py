"""Reading the feed: the changes after a cursor, in the order of their positions."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Self
from uuid import UUID

from django.db import connection

from events.changes import change
from events.changes.change import What
from events.identity import EPOCH

MICROSECOND = timedelta(microseconds=1)
_MOST = 2**63 - 1
_MOST_DIGITS = 19


class InvalidCursor(ValueError):
    """A text that isn't a cursor."""


class Cursor(NamedTuple):
    """A place in the feed: the position of the next change, and how many of its ids come before."""

    position: int = 0
    offset: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor. Raises `InvalidCursor`."""
        try:
            numbers = urlsafe_b64decode(text.encode("ascii")).decode("ascii").split(".")
            is_sound = all(each.isdigit() and len(each) <= _MOST_DIGITS for each in numbers)
            cursor = cls(*map(int, numbers)) if is_sound else None
        except (ValueError, TypeError) as error:
            raise InvalidCursor(text) from error
        if cursor is None or len(numbers) != len(cls._fields) or max(cursor) > _MOST or str(cursor) != text:
            raise InvalidCursor(text)
        return cursor

    def __str__(self) -> str:
        return urlsafe_b64encode(f"{self.position}.{self.offset}".encode()).decode()


BEGINNING = Cursor()


class Changed(NamedTuple):
    """An event, a rejected event (its number as a UUID) or a session that was written."""

    owner_id: int
    id: UUID
    after: Cursor  # the cursor after this change


_OF_ALL = """
SELECT position, owner_id, ids, count FROM events_change
WHERE what = %(what)s AND position >= %(position)s ORDER BY position LIMIT %(rows)s
"""
# Each owner's own range of the index: one range would pass over what others have written since.
_OF_OWNERS = """
SELECT change.* FROM unnest(%(owners)s::bigint[]) AS mine (owner) CROSS JOIN LATERAL (
    SELECT position, owner_id, ids, count FROM events_change
    WHERE owner_id = mine.owner AND what = %(what)s AND position >= %(position)s
    ORDER BY position LIMIT %(rows)s
) AS change ORDER BY position LIMIT %(rows)s
"""
# Ids are read only of as many changes as it takes.
_NEXT = """
SELECT position, owner_id, ids FROM (
    SELECT position, owner_id, ids, sum(count) OVER (ORDER BY position) - count AS before FROM ({}) AS first
) AS counted WHERE before < %(limit)s ORDER BY position
"""


def changes_after(
    cursor: Cursor, owners: Collection[int] | None, what: What, limit: int
) -> tuple[list[Changed], Cursor]:
    """Return at most `limit` changes of owners (None: of all), and the cursor after them.

    Every change is returned once, in the same order to everybody. If none is left, the cursor is the same.
    """
    change.number_all()
    parameters = {
        "what": what.value,
        "position": cursor.position,
        "owners": sorted(owners) if owners is not None else None,
        "limit": limit + cursor.offset,
        "rows": limit + 1,  # each has an id at least, and of the first all may have been read
    }
    with connection.cursor() as reader:
        reader.execute(_NEXT.format(_OF_ALL if owners is None else _OF_OWNERS), parameters)
        rows = reader.fetchall()
    found: list[Changed] = []
    for position, owner_id, ids in rows:
        begin = cursor.offset if position == cursor.position else 0
        for offset, each in enumerate(ids[begin : begin + limit - len(found)], begin + 1):
            found.append(Changed(owner_id, each, _after(position, offset, len(ids))))
        cursor = found[-1].after if found else Cursor(position + 1)
        if len(found) == limit:
            break
    return found, cursor


def _after(position: int, offset: int, count: int) -> Cursor:
    return Cursor(position, offset) if offset < count else Cursor(position + 1)


def has_more(cursor: Cursor, owners: Collection[int] | None, what: What) -> bool:
    """True if there are changes after a cursor."""
    return bool(changes_after(cursor, owners, what, 1)[0])


class Follower(NamedTuple):
    """Somebody who follows one feed of one owner, and how far they have come."""

    owner_id: int
    what: What
    cursor: Cursor


_BEHIND = """
SELECT place - 1 FROM unnest(%s::bigint[], %s::int[], %s::bigint[])
     WITH ORDINALITY AS follower (owner, what, position, place)
WHERE EXISTS (SELECT FROM events_change change WHERE change.owner_id = follower.owner
              AND change.what = follower.what AND change.position >= follower.position)
"""


def behind(followers: Sequence[Follower]) -> set[int]:
    """Return the places of those for whom there are changes, in one statement however many there are."""
    change.number_all()
    owners = [each.owner_id for each in followers]
    whats = [each.what.value for each in followers]
    positions = [each.cursor.position for each in followers]
    with connection.cursor() as reader:
        reader.execute(_BEHIND, [owners, whats, positions])
        return {place for (place,) in reader.fetchall()}


_WRITTEN = "SELECT what, owner_id, max(position) FROM events_change WHERE position >= %s GROUP BY 1, 2"


def written_since(cursor: Cursor) -> list[tuple[int, int, int]]:
    """Return of whom there are changes since a cursor: what, owner and the last position."""
    change.number_all()
    with connection.cursor() as reader:
        reader.execute(_WRITTEN, [cursor.position])
        return list(reader.fetchall())


def since(at: datetime) -> Cursor:
    """Return the cursor before everything that was committed after a time."""
    return Cursor(max(0, (at - EPOCH) // MICROSECOND))


def end() -> Cursor:
    """Return the cursor after everything that is committed now."""
    change.number_all()
    with connection.cursor() as reader:
        reader.execute("SELECT max(position) FROM events_change")
        last: int | None = reader.fetchone()[0]
    return Cursor(last + 1) if last is not None else BEGINNING
