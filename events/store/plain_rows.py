"""Plain rows: events read by ID as tuples, for exports of millions.

A tuple has the columns of the model as attributes, with the owner and the source as objects. Making model
instances takes several times longer. Values are those of the model, but IDs are texts, and JSON stays
undecoded (`Raw`); only `extra` is decoded.
"""

import json
from collections import defaultdict, namedtuple
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec
import psycopg
from django.db import connection, models
from msgspec import Raw
from psycopg.adapt import Buffer, Loader
from psycopg.sql import SQL
from psycopg.types.datetime import TimestamptzLoader

from events.event import Event
from events.kinds import KINDS
from events.lib.paging import EventQuery
from events.lib.sql import compose, identifier
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.copying import array
from events.wire.typed import decoder

# Rows of events and kinds; None if the kind's is missing.
PlainPair = tuple[Any, Any]

_decode = decoder(Any)
IDS = 2_000  # looked up at a time
ROWS = 500  # read at a time
BYTES = 4 * 1024 * 1024  # of events on the wire that are read at a time
_NAMED = ("owner_id", "source_id")  # last in a row of the envelope


class _RawLoader(Loader):
    """Loads jsonb as its text."""

    def load(self, data: Buffer) -> Raw:
        return Raw(bytes(data))


class PlainReader:
    """Reads events by ID; remembers names of owners and sources."""

    def __init__(self) -> None:
        self._owners: dict[int, Owner] = {}
        self._sources: dict[int, Source] = {}

    def pages(self, query: EventQuery) -> Iterator[list[PlainPair]]:
        """Yield the events of a query of events or of a kind's rows, as few at a time as fit into memory."""
        size = "wire_bytes" if query.rows.model is Event else "event__wire_bytes"
        for page in query.of_keys(size).all_pages(IDS):
            for ids in _blocks((str(row.pk), row[-1]) for row in page):
                yield self.pairs(ids)

    def pairs(self, ids: Sequence[str]) -> list[PlainPair]:
        """Return the events with these IDs in this order. Leaves out those that were removed meanwhile."""
        envelopes = {event.id: event for event in self._envelopes(ids)}
        by_kind: dict[str, list[str]] = defaultdict(list)
        for event in envelopes.values():
            by_kind[event.kind].append(event.id)
        details: dict[str, Any] = {}
        for kind, of_kind in by_kind.items():
            model = KINDS[kind].model
            make = plain_class(model)._make
            details |= {values[0]: make(values) for values in _selected(model, of_kind)}
        found = map(envelopes.get, ids)
        return [(event, details.get(event.id)) for event in found if event is not None]

    def _envelopes(self, ids: Sequence[str]) -> Iterator[Any]:
        found = _selected(Event, ids)
        self._read_names(found)
        make, at = plain_class(Event)._make, _columns(Event).index("extra")
        owners, sources = self._owners, self._sources
        for values in found:
            extra = values[at] if values[at] is None else decoded(values[at])
            owner, source = owners[values[-2]], sources[values[-1]]
            yield make((*values[:at], extra, *values[at + 1 : -2], owner, source))

    def _read_names(self, found: Iterable[tuple[Any, ...]]) -> None:
        owners = {values[-2] for values in found} - self._owners.keys()
        sources = {values[-1] for values in found} - self._sources.keys()
        if owners:
            self._owners |= Owner.objects.in_bulk(owners)
        if sources:
            self._sources |= Source.objects.in_bulk(sources)


def _blocks(sized: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    """Yield IDs in parts whose events fit into memory."""
    block: list[str] = []
    total = 0
    for each, size in sized:
        if block and (total + size > BYTES or len(block) >= ROWS):
            yield block
            block, total = [], 0
        block.append(each)
        total += size
    if block:
        yield block


def decoded(raw: Raw) -> Any:
    """Return the value of stored JSON."""
    try:
        return _decode(raw)
    except msgspec.DecodeError:  # a number beyond doubles that is not whole
        return json.loads(bytes(raw))


@cache
def plain_class(model: type[models.Model]) -> Any:
    """Return the class of the tuples of a model's rows."""
    names = [name.removesuffix("_id") if name in _NAMED else name for name in _columns(model)]
    return namedtuple(model.__name__, names)


@cache
def _columns(model: type[models.Model]) -> tuple[str, ...]:
    names = [str(field.column) for field in model._meta.concrete_fields]
    last = [name for name in _NAMED if name in names]
    return tuple([name for name in names if name not in last] + last)


@cache
def _statement(model: type[models.Model]) -> str:
    """Return the statement that reads rows by ID. The range limits the weeks that are searched."""
    columns = SQL(", ").join([SQL("id::text"), *map(identifier, _columns(model)[1:])])
    return compose(
        "SELECT {columns} FROM {table} WHERE id = ANY(%s::uuid[]) AND id BETWEEN %s::uuid AND %s::uuid",
        columns=columns,
        table=identifier(model._meta.db_table),
    )


def _selected(model: type[models.Model], ids: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the columns of rows by ID, the first of which is the ID, as a text."""
    if not ids:
        return []
    connection.ensure_connection()
    ids = sorted(ids)
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.adapters.register_loader("jsonb", _RawLoader)
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(_statement(model), [array(ids), ids[0], ids[-1]])
        return cursor.fetchall()
