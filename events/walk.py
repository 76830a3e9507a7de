"""Walk: pages of events, each at a bounded price whatever is filtered.

Who may see an event is known to its envelope, what it says to the kind's own table, and neither has an index
for both; nor has every column of the envelope one. So a page is looked for in windows of ids, from where the
last page ended: a window is as long as so many rows of what has an index, whichever reaches furthest. In a
window two tables are joined by id. A rare kind and a small owner are thus at their end after one window;
where a filter finds little among much, the page is short or empty, and its `next` goes on from there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Exists, OuterRef, QuerySet

from events.keyset import Order, Slice, UnknownKey, cut

# Rows of a window. The first holds most pages; all of them are what a page may cost at most.
WINDOWS = (1_000, 4_000, 16_000)
NEWEST_FIRST = Order(("pk",), descending=True)


@dataclass(frozen=True)
class Question:
    """What is asked: rows, newest first, each with a row of the same id `beside` it where that is given.

    `paces` are what windows are measured by: rows that an index gives in the order of ids. Without any, the
    rows themselves are such.
    """

    rows: QuerySet[Any]
    paces: tuple[QuerySet[Any], ...] = ()
    beside: QuerySet[Any] | None = None

    def page(self, size: int, *, key: Sequence[str] = (), backward: bool = False) -> Slice:
        """The page of `size` rows after `key`, or `backward` the one before. Raises `UnknownKey`."""
        if not self.paces:
            return cut(self.rows, NEWEST_FIRST, size, key=key, backward=backward)
        start = _parsed(key)
        try:
            return self._walk(size, start, backward=backward)
        except (ValidationError, ValueError, DataError) as error:
            raise UnknownKey(str(error)) from error

    def everything(self, size: int) -> Iterator[list[Any]]:
        """All rows, in pages: no more than one is held at a time."""
        key: list[str] = []
        while True:
            page = self.page(size, key=key)
            yield page.rows
            if page.next is None:
                return
            key = [str(page.next.pk)]

    def _walk(self, size: int, start: UUID | None, *, backward: bool) -> Slice:
        at = start
        found: list[Any] = []
        for window in WINDOWS:
            end = self._end(at, window, backward)
            found += self._between(at, end, backward)[: size + 1 - len(found)]
            at = end
            if end is None or len(found) > size:
                break
        further: Any = found[size - 1] if len(found) > size else Edge(at) if at else None
        found = found[:size]
        if backward:
            found.reverse()
            return Slice(found, next=found[-1] if found else _edge(start), previous=further)
        return Slice(found, next=further, previous=found[0] if found and start else None)

    def _end(self, at: UUID | None, window: int, backward: bool) -> UUID | None:
        """The last id of the window after `at`, None where everything is in it."""
        ends = []
        for rows in self.paces:
            # An OFFSET, but a small constant one, over an index alone.
            ids = _from(rows.prefetch_related(None), at, backward).values_list("pk", flat=True)
            end = next(iter(ids[window - 1 : window]), None)
            if end is None:
                return None
            ends.append(end)
        found: UUID = max(ends) if backward else min(ends)
        return found

    def _between(self, at: UUID | None, end: UUID | None, backward: bool) -> QuerySet[Any]:
        """The rows of a window. An id range doesn't cross a join: both sides are told it."""
        rows = _until(_from(self.rows, at, backward), end, backward)
        if self.beside is None:
            return rows
        beside = _until(_from(self.beside, at, backward), end, backward).order_by()
        return rows.filter(Exists(beside.filter(pk=OuterRef("pk"))))


class Edge(NamedTuple):
    """Where a window ended, as the row from which a neighbour goes on."""

    pk: UUID


def _parsed(key: Sequence[str]) -> UUID | None:
    if not key:
        return None
    try:
        (text,) = key
        return UUID(text)
    except ValueError as error:
        raise UnknownKey(", ".join(key)) from error


def _edge(at: UUID | None) -> Edge | None:
    return Edge(at) if at else None


def _from(rows: QuerySet[Any], at: UUID | None, backward: bool) -> QuerySet[Any]:
    if at is not None:
        rows = rows.filter(**{"pk__gt" if backward else "pk__lt": at})
    return rows.order_by("pk" if backward else "-pk")


def _until(rows: QuerySet[Any], end: UUID | None, backward: bool) -> QuerySet[Any]:
    return rows if end is None else rows.filter(**{"pk__lte" if backward else "pk__gte": end})
