"""Keyset pages: a page starts after a key in an order, so lists need no COUNT and no OFFSET.

`keyset_page` serves one table in the order of an index. `EventQuery` serves lists of events at a bounded
cost, whatever is filtered. The envelope knows who may see an event, the kind's own table knows what it says,
and no index covers both. So a page is searched for in windows of keys (ids, or times of receipt with ids),
starting where the last page ended. A window is as long as a fixed number of rows of each indexed query;
within it, two tables are joined by id. A rare kind or a small owner ends after one window. Where a filter
matches few of many rows, the page is short or empty, and its `next` continues the search.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils.timezone import is_naive

from events.identity import moment, occurred_ms


class InvalidCursor(ValueError):
    """The values of a cursor don't match the order's keys."""


@dataclass(frozen=True)
class Order:
    """An order of rows. The last key is unique; a descending order is descending in every key."""

    keys: tuple[str, ...]
    descending: bool = False

    def key_of(self, row: Model) -> list[str]:
        """Return the key of a row as texts."""
        return [str(getattr(row, key)) for key in self.keys]


@dataclass(frozen=True)
class Slice:
    """The rows of a page, with the rows at which its neighbours start; None without a neighbour."""

    rows: list[Any]
    next: Any = None
    previous: Any = None


def keyset_page(
    rows: QuerySet[Any], order: Order, size: int, *, key: Sequence[str] = (), backward: bool = False
) -> Slice:
    """Return the page of `size` rows after `key`, or `backward` the one before it. Raises `InvalidCursor`."""
    descending = order.descending != backward
    sign = "-" if descending else ""
    try:
        if key:
            rows = rows.filter(after(order.keys, key, descending=descending))
        found = list(rows.order_by(*(f"{sign}{name}" for name in order.keys))[: size + 1])
    except (ValidationError, ValueError, DataError, OverflowError) as error:
        raise InvalidCursor(", ".join(key)) from error
    has_more, found = len(found) > size, found[:size]
    if backward:
        found.reverse()
    return Slice(
        found,
        next=found[-1] if found and (backward or has_more) else None,
        previous=found[0] if found and key and (not backward or has_more) else None,
    )


def after(keys: Sequence[str], values: Sequence[object], *, descending: bool, with_it: bool = False) -> Q:
    """Return the condition for rows after `values` in the order of `keys`; `with_it` includes that row.

    The first key bounds the index scan; the rest decides among rows that are equal in it.
    """
    if len(keys) != len(values):
        raise ValueError(f"{len(values)} values for {len(keys)} keys")
    lookup = "lt" if descending else "gt"
    first, *rest = keys
    if not rest:
        return Q(**{f"{first}__{lookup}{'e' if with_it else ''}": values[0]})
    beyond = Q(**{f"{first}__{lookup}": values[0]}) | after(
        rest, values[1:], descending=descending, with_it=with_it
    )
    return Q(**{f"{first}__{lookup}e": values[0]}) & beyond


# Rows of a window. The first is enough for most pages. Their sum is the most that a page may cost.
WINDOWS = (1_000, 4_000, 16_000)
NEWEST_FIRST = Order(("pk",), descending=True)
FIRST_RECEIVED_FIRST = Order(("received_at", "pk"))
LAST_RECEIVED_FIRST = Order(("received_at", "pk"), descending=True)
LAST_STARTED_FIRST = Order(("started_at", "pk"), descending=True)


Key = Sequence[Any]


@dataclass(frozen=True)
class EventQuery:
    """Rows in an order; with `joined`, only those that have a row with the same id in that query.

    `windowed_by` holds queries that an index serves in that order, and that windows are measured by. Without
    any, an index serves the rows themselves. Joined rows are ordered by id only.
    """

    rows: QuerySet[Model]
    windowed_by: tuple[QuerySet[Model], ...] = ()
    joined: QuerySet[Model] | None = None
    order: Order = NEWEST_FIRST

    def page(self, size: int, *, key: Sequence[str] = (), backward: bool = False) -> Slice:
        """Return the page of `size` rows after `key`, or `backward` the one before it.

        Raises `InvalidCursor`.
        """
        if not self.windowed_by:
            return keyset_page(self.rows, self.order, size, key=key, backward=backward)
        try:
            return self._walk(size, self._parsed(key), backward=backward)
        except (ValidationError, ValueError, DataError, OverflowError) as error:
            raise InvalidCursor(", ".join(key)) from error

    def all_pages(self, size: int) -> Iterator[list[Any]]:
        """Yield all rows in pages, so that only one page is in memory."""
        key: list[str] = []
        while True:
            page = self.page(size, key=key)
            yield page.rows
            if page.next is None:
                return
            key = self.order.key_of(page.next)

    def of_keys(self, *more: str) -> "EventQuery":
        """Return the query of the rows' keys and of `more` columns, without the others."""
        keys = self.rows.prefetch_related(None).values_list(*self.order.keys, *more, named=True)
        return replace(self, rows=keys)

    def _walk(self, size: int, start: Key | None, *, backward: bool) -> Slice:
        at = start
        found = list[Model]()
        for window in WINDOWS:
            end = self._end(at, window, backward)
            found += self._between(at, end, backward)[: size + 1 - len(found)]
            at = end
            if end is None or len(found) > size:
                break
        further = found[size - 1] if len(found) > size else self._edge(at)
        found = found[:size]
        if backward:
            found.reverse()
            return Slice(found, next=found[-1] if found else self._edge(start), previous=further)
        return Slice(found, next=further, previous=found[0] if found and start else None)

    def _end(self, at: Key | None, window: int, backward: bool) -> Key | None:
        """Return the key of the last row of the window after `at`; None if the window includes everything."""
        ends = []
        for rows in self.windowed_by:
            # An OFFSET, but a small constant one, in an index-only scan.
            keys = self._from(rows.prefetch_related(None), at, backward).values_list(*self.order.keys)
            end = next(iter(keys[window - 1 : window]), None)
            if end is None:
                return None
            ends.append(end)
        found: Key = min(ends) if self._descends(backward) else max(ends)
        return found

    def _between(self, at: Key | None, end: Key | None, backward: bool) -> QuerySet[Model]:
        """Return the rows of a window. A range of keys doesn't cross a join, so both sides get it."""
        rows = self._until(self._from(self.rows, at, backward), end, backward)
        if self.joined is None:
            return rows
        joined = self._until(self._from(self.joined, at, backward), end, backward).order_by()
        return rows.filter(Exists(joined.filter(pk=OuterRef("pk"))))

    def _from(self, rows: QuerySet[Model], at: Key | None, backward: bool) -> QuerySet[Model]:
        descends = self._descends(backward)
        if at is not None:
            rows = rows.filter(after(self.order.keys, at, descending=descends))
        return rows.order_by(*(f"{'-' if descends else ''}{name}" for name in self.order.keys))

    def _until(self, rows: QuerySet[Model], end: Key | None, backward: bool) -> QuerySet[Model]:
        if end is None:
            return rows
        return rows.filter(after(self.order.keys, end, descending=not self._descends(backward), with_it=True))

    def _descends(self, backward: bool) -> bool:
        return self.order.descending != backward

    def _parsed(self, key: Sequence[str]) -> Key | None:
        """Convert a key from texts. Raises `ValidationError`, or ValueError for too few."""
        if not key:
            return None
        meta = self.rows.model._meta
        fields: list[Any] = [meta.pk if name == "pk" else meta.get_field(name) for name in self.order.keys]
        values = [field.to_python(text) for field, text in zip(fields, key, strict=True)]
        if any(isinstance(value, datetime) and is_naive(value) for value in values):
            raise ValueError("a time without a time zone")
        return values

    def _edge(self, at: Key | None) -> "WindowEnd | None":
        return None if at is None else WindowEnd(**dict(zip(self.order.keys, at, strict=True)))


@dataclass(frozen=True)
class WindowEnd:
    """The end of a window, in place of a row at which a neighbour starts."""

    pk: Any
    received_at: datetime | None = None  # if rows are in the order of receipt
    started_at: datetime | None = None  # of sessions

    @property
    def time(self) -> datetime | None:
        """The time that the search got to; None if the keys don't tell."""
        of_id = moment(occurred_ms(self.pk.int)) if isinstance(self.pk, UUID) else None
        return self.received_at or self.started_at or of_id
