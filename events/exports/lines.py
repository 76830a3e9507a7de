"""Lines of JSON: each event as its sender wrote it (`wire`), and where and when it was received.

Nearly all events are encoded from their columns, with stored JSON copied undecoded. The others are rebuilt by
`as_wire`: those whose adaptations must be undone, and those with numbers that JSON doesn't have.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from events.event import Event
from events.exports.plain_schema import plain_schema
from events.exports.request_facts import facts_of
from events.store.details import as_wire, with_details
from events.store.plain_rows import PlainPair
from events.wire import values

_encode = msgspec.json.Encoder().encode
_OF_VALUES = frozenset({values.ESCAPED, values.LARGE_DOUBLES})  # adaptations of texts and numbers
_encode_slowly = json.JSONEncoder(separators=(",", ":")).encode


def json_lines(pages: Iterable[list[PlainPair]]) -> Iterator[bytes]:
    """Yield a line for each event."""
    for page in pages:
        wires = wires_of(page)
        for event, detail in page:
            if wire := wires.get(event.id):
                yield b'%b,"wire":%b}\n' % (_encode(_members(event, detail))[:-1], wire)


def wires_of(page: list[PlainPair]) -> dict[str, bytes]:
    """Return the wire form of events as JSON by ID. Leaves out those whose row of the kind is missing."""
    quick = {event.id: quick_wire(event, detail) for event, detail in page if detail is not None}
    slow = slow_wires([each for each, wire in quick.items() if wire is None])
    return {each: wire for each, wire in quick.items() if wire is not None} | slow


def _members(event: Any, detail: Any) -> dict[str, object]:
    return {
        "id": event.id,
        "owner": event.owner.name,
        "source": event.source.name,
        "dialect": event.dialect,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "request": facts_of(event, detail),
    }


def quick_wire(event: Any, detail: Any) -> bytes | None:
    """Return the wire form of an event as JSON; None if only `as_wire` can give it."""
    adaptations = event.adaptations or ()
    if adaptations and not _OF_VALUES.isdisjoint(adaptations):
        return None
    schema = plain_schema(event.kind)
    for at in schema.numbers:
        number = detail[at]
        if number is not None and number - number != 0:  # NaN and infinities, which JSON can't have
            return None
    extra = values.canonical(event.extra) if adaptations else event.extra  # a copy, as undoing changes it
    wire = schema.give(event, detail, extra)
    try:
        return _encode(values.undo(wire, adaptations) if adaptations else wire)
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, integers of more than 64 bits
        return None


def slow_wires(ids: list[str]) -> dict[str, bytes]:
    """Return the wire form of events as JSON, from their models."""
    pairs = with_details(Event.objects.filter(pk__in=ids).prefetch_related("owner", "source")) if ids else ()
    return {
        str(event.pk): _encode_slowly(as_wire(event, detail)).encode()
        for event, detail in pairs
        if detail is not None
    }
