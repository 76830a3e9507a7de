"""Feeds that a reader can follow (events, sessions, rejected events), and their pages."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from events.access import Access
from events.changes import reading
from events.changes.change import What
from events.changes.reading import Cursor
from events.fields.conditions import Conditions
from events.fields.sql import on_rows
from events.fields.vocabulary import Vocabulary
from events.lib.paging import NEWEST_FIRST, Order

AT_ONCE = 1_000  # changes that are read at a time if filters may drop some
SECONDS = 5.0  # longest search for one page, if most rows don't match or were removed


class Followed(NamedTuple):
    """A feed: its rows, their serializer and filters, and the type of their keys."""

    what: What
    rows: Callable[[], QuerySet[Any]]
    serializer: type[Any]
    vocabulary: Callable[[], Vocabulary]
    narrow: Callable[[Conditions, Access], Q] = on_rows
    is_numbered: bool = False  # rows have a number as their key, not a UUID
    order: Order = NEWEST_FIRST  # of exports
    related: tuple[str, ...] = ("owner", "source")  # rows that the serializer names

    def named_rows(self) -> QuerySet[Any]:
        """Return all rows, with those that they name."""
        return self.rows().prefetch_related(*self.related)


# By the values of `kind`, beside the kinds of events. The modules of their serializers add them.
FOLLOWED: dict[str, Followed] = {}


class Found(NamedTuple):
    """A row that was written, and the cursor after it."""

    row: Any
    after: Cursor


@dataclass(frozen=True)
class Question:
    """A reader's query of a feed. `owner` is the name of an owner; empty for all."""

    followed: Followed
    rows: QuerySet[Any]
    conditions: Conditions
    owner: str
    limit: int

    def owners(self, access: Access) -> Collection[int] | None:
        """Return the followed owners; None for all."""
        if self.owner:
            return access.owners_named(self.owner)
        return None if access.is_operator else access.owner_ids

    def page(self, cursor: Cursor, access: Access) -> tuple[list[Found], Cursor]:
        """Return the next rows that are stored and meet the conditions, each once, and the cursor after them.

        There are fewer than asked for only at the end, or if the time is up.
        """
        rows = self.rows.filter(self.followed.narrow(self.conditions, access))
        owners = self.owners(access)
        at_once = AT_ONCE if self.conditions else self.limit
        found: dict[UUID, Found] = {}
        until = time.monotonic() + SECONDS
        while len(found) < self.limit and time.monotonic() < until:
            before = cursor
            changes, cursor = reading.changes_after(cursor, owners, self.followed.what, at_once)
            keys = {each.id: each.id.int if self.followed.is_numbered else each.id for each in changes}
            stored = rows.in_bulk(list(keys.values()))
            for change in changes:
                if (row := stored.get(keys[change.id])) is not None:
                    found.setdefault(change.id, Found(row, change.after))
                if len(found) == self.limit:
                    cursor = change.after
                    break
            if cursor == before:
                break
        return list(found.values()), cursor
