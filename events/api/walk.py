"""Walk: pages of one kind of event, each at a bounded price whatever is filtered.

Who may see a row is known to its envelope, what it says to the kind's own table, and neither has an index for
both. So a page is looked for in windows of ids, from where the last page ended: a window is as long as so
many rows of the kind, or as many events of the reader's owners, whichever reaches further. In a window the
two tables are joined by id. A rare kind and a small owner are thus at their end after one window; where a
filter finds little among much, the page is short or empty, and its `next` goes on where the windows ended.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from events.event import EventQuerySet
from events.keyset import Slice, UnknownKey

# Rows of a window. The first holds most pages; all of them are what a page may cost at most.
WINDOWS = (1_000, 4_000, 16_000)


@dataclass(frozen=True)
class Question:
    """What is asked of a kind: its rows and their envelopes, with and without what no index helps with."""

    rows: QuerySet[Any]
    rows_in_time: QuerySet[Any]
    envelopes: EventQuerySet
    envelopes_indexed: EventQuerySet

    def windows(self) -> tuple[QuerySet[Any], QuerySet[Any]]:
        """What the two ways to walk count."""
        return self.rows_in_time, self.envelopes_indexed


class Edge(NamedTuple):
    """Where a window ended, as the row from which a neighbour goes on."""

    pk: UUID


def walk(question: Question, size: int, *, key: list[str], backward: bool) -> Slice:
    """The page of `size` rows after `key`, newest first, or the one before. Raises `UnknownKey`."""
    start = at = _parsed(key)
    found: list[Any] = []
    for window in WINDOWS:
        end = _end(question, at, window, backward)
        found += _between(question, at, end, backward)[: size + 1 - len(found)]
        at = end
        if end is None or len(found) > size:
            break
    further: Any = found[size - 1] if len(found) > size else Edge(at) if at else None
    found = found[:size]
    if backward:
        found.reverse()
        return Slice(found, next=found[-1] if found else _edge(start), previous=further)
    return Slice(found, next=further, previous=found[0] if found and start else None)


def _parsed(key: list[str]) -> UUID | None:
    if not key:
        return None
    try:
        (text,) = key
        return UUID(text)
    except ValueError as error:
        raise UnknownKey(", ".join(key)) from error


def _edge(at: UUID | None) -> Edge | None:
    return Edge(at) if at else None


def _end(question: Question, at: UUID | None, window: int, backward: bool) -> UUID | None:
    """The last id of the window after `at`, None where everything is in it."""
    ends: list[UUID] = []
    for rows in question.windows():
        # An OFFSET, but a small constant one, over an index alone.
        end: UUID | None = _from(rows, at, backward).values_list("pk", flat=True)[window - 1 : window].first()
        if end is None:
            return None
        ends.append(end)
    return max(ends) if backward else min(ends)


def _from(rows: QuerySet[Any], at: UUID | None, backward: bool) -> QuerySet[Any]:
    if at is not None:
        rows = rows.filter(**{"pk__gt" if backward else "pk__lt": at})
    return rows.order_by("pk" if backward else "-pk")


def _between(question: Question, at: UUID | None, end: UUID | None, backward: bool) -> QuerySet[Any]:
    """The rows of a window that are asked for. An id range doesn't cross a join: both sides are told it."""
    rows, envelopes = _from(question.rows, at, backward), _from(question.envelopes, at, backward)
    if end is not None:
        bound = {"pk__lte" if backward else "pk__gte": end}
        rows, envelopes = rows.filter(**bound), envelopes.filter(**bound)
    return rows.filter(Exists(envelopes.order_by().filter(pk=OuterRef("pk"))))
