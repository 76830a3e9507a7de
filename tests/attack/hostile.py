"""Hostile bodies of at most 64 KB on the wire, built to cost as much as possible.

Each is as large as the limits on compressed and inflated size allow. `measuring.py` measures what they cost,
and docs/reference/hostile-bodies.md lists the results.
"""

import bz2
import gzip
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from django.conf import settings

from ingestion.dialects import buildless_pb2
from ingestion.receiving.request_body import INFLATES_FREELY
from tests.bad_input.exchange import FORM, JSON, NDJSON, PROTOBUF, Request
from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD, emitted, log_event, message, now_ms
from tests.wire import samples

WIRE = 64 * 1024  # bytes of a body or a query
MIB = 1024 * 1024
INFLATED = min(settings.INGEST_MAX_BODY_BYTES, max(INFLATES_FREELY, settings.INGEST_MAX_INFLATE_RATIO * WIRE))
MAY_FILL = 0.99  # share of the limits
Item = Callable[[int], bytes]


class Hostile(NamedTuple):
    """A hostile request: its description and a function that builds it."""

    name: str
    build: Callable[[], Request]
    strict: bool = False


@dataclass(frozen=True)
class Sent:
    """The endpoint and compression of a body."""

    path: str
    content_type: str = JSON
    encoding: str = "gzip"

    def __call__(self, body: bytes) -> Request:
        if not self.encoding:
            return Request(self.path, body, self.content_type)
        packed = padded_gzip(body) if self.encoding == "gzip" else zlib.compress(body, 9)
        return Request(self.path, packed, self.content_type, {"Content-Encoding": self.encoding})


def padded_gzip(body: bytes) -> bytes:
    """Compress with a long file name in the header, which raises the limit on inflated size."""
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = raw.compress(body) + raw.flush() + struct.pack("<LL", zlib.crc32(body), len(body) & 0xFFFFFFFF)
    name = b"x" * (WIRE - len(packed) - 12)
    return b"\x1f\x8b\x08\x08\0\0\0\0\2\xff" + name + b"\0" + packed


BATCH, MESSAGE, EVENT, LINES, PROTO = (
    Sent(SUNBIRD),
    Sent(AVAILITY),
    Sent(EMIT),
    Sent(STREAM, NDJSON),
    Sent(EMIT, PROTOBUF),
)
FORM_SENT = Sent(AVAILITY, FORM)


def plain(sent: Sent) -> Sent:
    """Return the same endpoint without compression."""
    return Sent(sent.path, sent.content_type, "")


def largest(
    sent: Sent,
    head: bytes,
    item: Item,
    tail: bytes = b"",
    *,
    between: bytes = b",",
    most: int | None = None,
    inflated: int | None = None,
) -> Request:
    """Build the request with as many items as the limits allow, at most `most`."""
    bound = int((inflated or INFLATED) * MAY_FILL)
    count = max(1, bound // (len(item(1_000)) + len(between)))
    count = min(count, most) if most else count
    while True:
        body = head + between.join(map(item, range(count))) + tail
        made = sent(body)
        over = max(len(made.body) / WIRE, len(body) / bound)
        if over <= 1 or count == 1:
            return made
        count = max(1, int(count / over * MAY_FILL))


def same(item: bytes) -> Item:
    return lambda _: item


def events(item: Item, most: int | None = None, **more: Any) -> Callable[[], Request]:
    """Build a compressed batch of items."""
    limit = most or settings.INGEST_MAX_EVENTS
    return lambda: largest(BATCH, b'{"events":[', item, b"]}", most=limit, **more)


def values(item: bytes, head: bytes = b"") -> Callable[[], Request]:
    """Build a batch of as many invalid events as fit."""
    return lambda: largest(BATCH, b'{"events":[' + head, same(item), b"]}")


def v3(change: Callable[[int, dict[str, Any]], None], eid: str = "LOG") -> Item:
    """Build small V3 events that `change` modifies by their number."""
    ms = now_ms()

    def build(number: int) -> bytes:
        event = samples.minimal(eid.lower(), ms=ms, mid=f"{number}")
        event["context"]["pdata"]["id"] = "portal"
        change(number, event)
        return json.dumps(event, separators=(",", ":")).encode()

    return build


def wide(
    sent: Sent, event: Any, path: str, item: bytes, brackets: bytes = b"[]", count: int = 1
) -> Callable[[], Request]:
    """Build `count` events with as many items at `path` as fit into an event."""

    def build() -> Request:
        text = json.dumps(event() if callable(event) else event, separators=(",", ":"))
        where = _put(text, path)
        room = settings.INGEST_MAX_EVENT_BYTES - len(where) - 10
        inner = brackets[:1] + b",".join([item] * (room // (len(item) + 1))) + brackets[1:]
        each = [
            where.replace(b'"<here>"', inner)
            .replace(b"LOG:1", b"LOG:%d" % number)
            .replace(b"abcdefghij0123", b"abcdefghij%04d" % number)
            for number in range(count)
        ]
        made = b"\n".join(each)
        if sent.path == SUNBIRD:
            made = b'{"events":[' + b",".join(each) + b"]}"
        return sent(made)

    return build


def _put(text: str, path: str) -> bytes:
    return json.dumps(samples.with_value(json.loads(text), path, "<here>"), separators=(",", ":")).encode()


def keyed(count: int) -> bytes:
    return b"".join(b'"k%d":1,' % number for number in range(count))[:-1]


def proto(fill: Callable[[Any, int], None], count: int, more: bytes = b"") -> Callable[[], Request]:
    """Build a protobuf event by calling `fill` `count` times."""

    def build() -> Request:
        event = buildless_pb2.Event()
        event.event.id, event.event.timing.occurred = "abcdefghij0123456789", now_ms()
        context = event.event.context.add()
        context.type, context.event = "type.googleapis.com/buildless.context.Build", "started"
        for number in range(count):
            fill(event, number)
        return PROTO(event.SerializeToString() + more)

    return build


def repeated(
    field: bytes, sent: Sent = PROTO, head: bytes = b"", size: int | None = None
) -> Callable[[], Request]:
    """Repeat the same protobuf bytes up to the limit of a body or `size`."""
    return lambda: sent(head + field * (((size or INFLATED) - len(head)) // len(field)))


def _inner(field: bytes, number: int = 5) -> bytes:
    """Encode fields of `Event.event` as one length-delimited field."""
    length = len(field)
    varint = bytearray()
    while length > 127:
        varint.append(length & 127 | 128)
        length >>= 7
    varint.append(length)
    return bytes([number << 3 | 2]) + bytes(varint) + field


def _set(path: str, make: Callable[[int], Any]) -> Callable[[int, dict[str, Any]], None]:
    def change(number: int, event: dict[str, Any]) -> None:
        *above, last = path.split(".")
        for key in above:
            event = event.setdefault(key, {})
        event[last] = make(number)

    return change


def _form(field: Callable[[int], str], sent: Sent = FORM_SENT, most: int = 10**7) -> Callable[[], Request]:
    head = b"source_system=portal&contact=a@b.c&version=v1&telemetryBody.level=info&"
    return lambda: largest(sent, head, lambda number: field(number).encode(), between=b"&", most=most)


def _query(field: Callable[[int], str]) -> Callable[[], Request]:
    def build() -> Request:
        least = f"event.id=abcdefghij01&event.timing.occurred={now_ms()}"
        parts, size = [least], len(least)
        number = 0
        while size < WIRE * MAY_FILL:
            parts.append(field(number))
            size += len(parts[-1]) + 1
            number += 1
        return Request(EMIT, query="&".join(parts))

    return build


def _kinds(number: int) -> bytes:
    name = samples.SUNBIRD[number % len(samples.SUNBIRD)]
    return json.dumps(samples.complete(name, ms=now_ms(), mid=f"{number}"), separators=(",", ":")).encode()


def _any_json(sent: Sent, body: bytes) -> Callable[[], Request]:
    return lambda: sent(body)


def _start(number: int, event: dict[str, Any]) -> None:
    event["edata"]["uaspec"] = {"raw": f"Mozilla/5.0 (Linux; Android {number}; x{number}) " + "Chrome/" * 20}


def _unowned() -> dict[str, Any]:
    """Return a message without an owner, which belongs to the key's."""
    made = message()
    del made["owner"]
    return made


_LOG = log_event
_NEST = b"[" * 90 + b"]" * 90


def _elements(item: bytes, count: int, last: bytes = b"") -> Callable[[], Request]:
    """Build events with nearly as many elements as an event may have."""
    each = 1 + item.count(b"[") + item.count(b"{")
    inner = b"[" + b",".join([item] * (49_000 // each)) + last + b"]"

    def build() -> Request:
        made = [
            _put(json.dumps(log_event(f"{n}")), "edata.x").replace(b'"<here>"', inner) for n in range(count)
        ]
        return BATCH(b'{"events":[' + b",".join(made) + b"]}")

    return build


def _spread(item: bytes, last: bytes = b"") -> Callable[[], Request]:
    """Build as many events as fit, which together have nearly as many elements as a request may have."""
    inner = b"[" + b",".join([item] * (25 // (1 + item.count(b"{")))) + last + b"]"
    return events(lambda n: _put(json.dumps(log_event(f"{n}")), "edata.x").replace(b'"<here>"', inner))


BODIES = [
    # Lists of things that aren't events
    Hostile("batch: `[NaN,1,1,…]`, which only the slow path reads", values(b"1", b"NaN,")),
    Hostile("batch: `[1,1,1,…]`", values(b"1")),
    Hostile('batch: `["","",…]`', values(b'""')),
    Hostile("batch: `[[],[],…]`", values(b"[]")),
    Hostile("batch: `[{},{},…]`", values(b"{}")),
    Hostile("batch: `[,,,…]`", values(b"", b"1")),
    Hostile("batch: 5,000 different numbers", events(lambda number: b"%d" % number)),
    Hostile(
        "batch: 5,000 different numbers after a NaN",
        events(lambda number: b"%d" % number if number else b"NaN"),
    ),
    Hostile(
        "batch: no list `events`, a million keys", lambda: largest(BATCH, b"{", lambda n: b'"%d":1' % n, b"}")
    ),
    Hostile(
        "batch: a list beside `events` of a million numbers",
        lambda: largest(BATCH, b'{"events":[],"x":[', same(b"1"), b"]}"),
    ),
    Hostile(
        "batch: the same after an event with NaN",
        lambda: largest(BATCH, b'{"events":[{"a":NaN}],"x":[', same(b"1"), b"]}"),
    ),
    Hostile(
        "batch: the same key `events` many times", lambda: largest(BATCH, b"{", same(b'"events":[{}]'), b"}")
    ),
    Hostile("batch: 3 MiB of blanks", lambda: BATCH(b'{"events":[' + b" " * (INFLATED - 100) + b"]}")),
    Hostile(
        "batch: 3 MiB of blanks, deflate",
        lambda: Sent(SUNBIRD, JSON, "deflate")(b'{"events":[' + b" " * (INFLATED - 100) + b"]}"),
    ),
    Hostile("batch: 3 MiB of opening brackets", lambda: BATCH(b"[" * (INFLATED - 100))),
    Hostile(
        "batch: 3 MiB of opening brackets within `events`",
        lambda: BATCH(b'{"events":[' + b"[" * (INFLATED - 100)),
    ),
    Hostile("batch: 3 MiB of quotes", lambda: BATCH(b'{"events":[' + b'"' * (INFLATED - 100))),
    Hostile(
        "batch: 3 MiB of backslashes in a text that never ends",
        lambda: BATCH(b'{"events":["' + b"\\" * (INFLATED - 100)),
    ),
    Hostile(
        "batch: `ets` of the batch has a million digits",
        lambda: BATCH(b'{"ets":' + b"1" * MIB + b',"events":[{}]}'),
    ),
    Hostile("batch: gzip in gzip", lambda: BATCH(gzip.compress(b"\0" * INFLATED, 9))),
    Hostile("batch: a bomb of 64 MiB", lambda: BATCH(b"\0" * (60 * MIB))),
    Hostile(
        "batch: 3,000 empty gzip members",
        lambda: Request(SUNBIRD, gzip.compress(b"", mtime=0) * 3_000, JSON, {"Content-Encoding": "gzip"}),
    ),
    Hostile(
        "batch: 100 gzip members of 50 KB",
        lambda: Request(
            SUNBIRD, gzip.compress(b" " * 50_000, mtime=0) * 100, JSON, {"Content-Encoding": "gzip"}
        ),
    ),
    Hostile(
        "batch: bzip2 that says gzip",
        lambda: Request(SUNBIRD, bz2.compress(b" " * MIB), JSON, {"Content-Encoding": "gzip"}),
    ),
    # Wide and deep events
    Hostile("events of 1 MiB: numbers in a list", wide(BATCH, _LOG, "edata.x", b"1", count=2)),
    Hostile("events of 1 MiB: empty objects in a list", wide(BATCH, _LOG, "edata.x", b"{}", count=2)),
    Hostile("events of 1 MiB: empty texts in a list", wide(BATCH, _LOG, "tags", b'""', count=2)),
    Hostile("events of 1 MiB: lists 90 deep in a list", wide(BATCH, _LOG, "edata.x", _NEST, count=2)),
    Hostile(
        "events of 1 MiB: numbers with a fraction of zero", wide(BATCH, _LOG, "edata.x", b"1.0", count=2)
    ),
    Hostile("events of 1 MiB: numbers like 1e22", wide(BATCH, _LOG, "edata.x", b"1e22", count=2)),
    Hostile(
        "events of 1 MiB: the same key over and over", wide(BATCH, _LOG, "edata.x", b'"a":1', b"{}", count=2)
    ),
    Hostile(
        "events of 1 MiB: numbers after a NaN (slow path)",
        wide(BATCH, _LOG, "edata.x", b"1,1,1,1,1,NaN", count=2),
    ),
    Hostile(
        "events of 1 MiB: lone surrogates (slow path)", wide(BATCH, _LOG, "edata.x", b'"\\ud800"', count=2)
    ),
    Hostile("events of 1 MiB: NULs", wide(BATCH, _LOG, "edata.x", b'"\\u0000"', count=2)),
    Hostile(
        "events of 1 MiB: one text of NULs",
        lambda: BATCH(
            b'{"events":['
            + b",".join(
                [
                    _put(json.dumps(log_event(f"{n}")), "edata.message").replace(
                        b"<here>", b"\\u0000" * 170_000
                    )
                    for n in range(2)
                ]
            )
            + b"]}"
        ),
    ),
    Hostile(
        "events of 1 MiB: one text of lone surrogates",
        lambda: BATCH(
            b'{"events":['
            + b",".join(
                [
                    _put(json.dumps(log_event(f"{n}")), "edata.message").replace(
                        b"<here>", b"\\ud800" * 170_000
                    )
                    for n in range(2)
                ]
            )
            + b"]}"
        ),
    ),
    Hostile("events of 1 MiB: integers of 3,900 digits", wide(BATCH, _LOG, "edata.x", b"7" * 3_900, count=2)),
    Hostile("events of 1 MiB: integers of 300 digits", wide(BATCH, _LOG, "edata.x", b"7" * 300, count=2)),
    Hostile(
        "events of 1 MiB: fractions of 3,900 digits",
        wide(BATCH, _LOG, "edata.x", b"0." + b"7" * 3_900, count=2),
    ),
    Hostile(
        "events of 1 MiB: one integer of a million digits",
        wide(BATCH, _LOG, "edata.x", b"7" * 1_000_000, count=2),
    ),
    Hostile(
        "events with 19,900 keys each",
        events(
            lambda n: json.dumps(log_event(f"{n}")).encode()[:-1] + b',"x":{' + keyed(19_900) + b"}}", most=50
        ),
    ),
    Hostile(
        "events with 19,900 keys at the top, strict",
        events(lambda n: json.dumps(log_event(f"{n}")).encode()[:-1] + b"," + keyed(19_900) + b"}", most=50),
        strict=True,
    ),
    # Many of everything
    Hostile("5,000 events: each with its version", events(v3(_set("context.pdata.ver", lambda n: f"v{n}")))),
    Hostile("5,000 events: each with its source", events(v3(_set("context.pdata.id", lambda n: f"s{n}")))),
    Hostile("5,000 events: each with its session", events(v3(_set("context.sid", lambda n: f"s{n}")))),
    Hostile(
        "5,000 events: each with its device and channel",
        events(v3(lambda n, e: e["context"].update(did=f"d{n}", channel=f"c{n}"))),
    ),
    Hostile(
        "5,000 events: each with its e-mail address",
        events(v3(_set("actor.id", lambda n: f"user{n}@example.org"))),
    ),
    Hostile("5,000 events: each in its minute", events(v3(_set("ets", lambda n: now_ms() - n * 60_000)))),
    Hostile("5,000 events: all kinds in turn, complete", events(_kinds)),
    Hostile("5,000 events: each with a user agent of its own", events(v3(_start, "START"))),
    Hostile(
        "5,000 events: the same id, each different",
        events(v3(lambda n, e: e.update(mid="same", tags=[str(n)]))),
    ),
    Hostile(
        "5,000 events: unknown keys of their own",
        events(v3(lambda n, e: e.update({f"k{n}_{m}": 1 for m in range(10)}))),
    ),
    Hostile(
        "5,000 events: unknown keys of their own, strict",
        events(v3(lambda n, e: e["edata"].update({f"k{n}": 1}))),
        strict=True,
    ),
    Hostile(
        "5,000 events: wrong types in ten soft fields",
        events(
            v3(
                lambda n, e: e["context"].update(
                    sid=n, did=n, cdata=n, rollup=n, pdata={"id": "p", "pid": n, "ver": n}
                )
            )
        ),
    ),
    Hostile(
        "5,000 events: wrong types at paths of their own",
        events(v3(_set("edata.dspec", lambda n: [n]), "START")),
    ),
    Hostile("5,000 events: each of an unknown kind", events(v3(lambda n, e: e.update(eid=f"KIND{n}")))),
    Hostile(
        "5,000 events: each without a different field",
        events(v3(lambda n, e: e.pop(("ets", "ver", "mid", "actor", "context")[n % 5]))),
    ),
    Hostile("5,000 events: each too old", events(v3(_set("ets", lambda n: n)))),
    Hostile(
        "5,000 events: each with a NaN",
        events(
            lambda n: (
                json.dumps({**log_event(f"{n}"), "x": "<here>"}, separators=(",", ":"))
                .encode()
                .replace(b'"<here>"', b"NaN")
            )
        ),
    ),
    Hostile(
        "5,000 events: each with NUL and lone surrogate",
        events(lambda n: json.dumps({**log_event(f"{n}"), "x": "\0\ud800"}, separators=(",", ":")).encode()),
    ),
    Hostile("5,000 events: each broken", events(lambda n: b"{%d}" % n)),
    Hostile(
        "5,000 events: 1,000 bytes of text each",
        events(v3(_set("edata.message", lambda n: f"{n}" + "x" * 880))),
    ),
    # Lines
    Hostile("stream: lines `1`", lambda: largest(LINES, b"", same(b"1"), between=b"\n")),
    Hostile("stream: blank lines", lambda: largest(LINES, b"", same(b" "), between=b"\n")),
    Hostile(
        "stream: 5,000 lines, each another number",
        lambda: largest(LINES, b"", lambda n: b"%d" % n, between=b"\n", most=5_000),
    ),
    Hostile(
        "stream: 5,000 events, each with its tool, system and agent",
        lambda: largest(
            LINES,
            b"",
            lambda n: json.dumps(
                samples.complete("emitted_event", ms=now_ms(), mid=f"abcdefghij{n:08}"), separators=(",", ":")
            ).encode(),
            between=b"\n",
            most=5_000,
        ),
    ),
    Hostile(
        "stream: 5,000 events, each with its source",
        lambda: largest(
            LINES,
            b"",
            lambda n: json.dumps(
                emitted(f"abcdefghij{n:08}", detail={"client": {"agent": {"name": f"a{n}"}}}),
                separators=(",", ":"),
            ).encode(),
            between=b"\n",
            most=5_000,
        ),
    ),
    Hostile("stream: lines of 1 MiB of numbers", wide(LINES, emitted, "event.data", b"1", count=2)),
    Hostile("stream: one line of NaN", lambda: largest(LINES, b"[", same(b"NaN"), b"]")),
    # One message
    Hostile("emit: numbers in data", wide(EVENT, emitted, "event.data.x", b"1")),
    Hostile("emit: objects in data", wide(EVENT, emitted, "event.data.x", b'{"a":{}}')),
    Hostile(
        "emit: contexts without end",
        wide(
            EVENT, emitted, "event.context", b'{"type":"type.googleapis.com/buildless.context.B","event":"x"}'
        ),
    ),
    Hostile("emit: tools without end", wide(EVENT, emitted, "event.detail.client.tool", b'{"name":"x"}')),
    Hostile(
        "emit: a list of a million numbers", lambda: largest(EVENT, b"[", same(b"1"), b"]", inflated=MIB)
    ),
    Hostile("message: numbers in entries", wide(MESSAGE, _unowned, "telemetryBody.entries.x", b"1")),
    Hostile("message: the slow path", wide(MESSAGE, _unowned, "telemetryBody.entries.x", b"1,1,1,1,NaN")),
    Hostile("message: lone surrogates", wide(MESSAGE, _unowned, "telemetryBody.entries.x", b'"\\udc00"')),
    # Forms and queries
    Hostile("form: fields of one letter", _form(lambda n: "a=1")),
    Hostile("form: 19,900 names", _form(lambda n: f"a{n}=1", most=19_900)),
    Hostile("form: 19,900 items of a list", _form(lambda n: "a[]=1", most=19_900)),
    Hostile("form: 19,900 objects of a list", _form(lambda n: "a[].b=1", most=19_900)),
    Hostile("form: names of 100 levels", _form(lambda n: ("a." * 98) + f"b{n}=1", most=19_900)),
    Hostile(
        "form: names of 100 levels, each its own",
        _form(lambda n: f"k{n}." + ("a." * 97) + "b=1", most=19_900),
    ),
    Hostile("form: names of 100 lists", _form(lambda n: ("a[]." * 98) + "b=1", most=19_900)),
    Hostile("form: only percent signs", lambda: FORM_SENT(b"a=" + b"%41" * 340_000)),
    Hostile("form: a name of a million dots", lambda: FORM_SENT(b"." * 1_000_000 + b"=1")),
    Hostile("form: only `&`", lambda: FORM_SENT(b"a=1" + b"&" * (INFLATED - 100))),
    Hostile("query: parameters of one letter", _query(lambda n: "a=1")),
    Hostile("query: names of 90 levels", _query(lambda n: "a." * 90 + f"b{n}=1")),
    Hostile("query: numbers of its fields", _query(lambda n: "event.ordinal=" + "9" * 300)),
    Hostile("query: only percent signs", _query(lambda n: quote_plus("\0\1\2\3") + "=%ff%fe")),
    # Protobuf
    Hostile(
        "protobuf: a million empty `event.context`",
        lambda: PROTO(_inner(b"\x2a\x00" * (INFLATED // 2 - 10))),
    ),
    Hostile("protobuf: 500,000 empty `event.context`", lambda: PROTO(_inner(b"\x2a\x00" * 500_000))),
    Hostile("protobuf: `event` over and over", repeated(b"\x2a\x00", size=MIB)),
    Hostile(
        "protobuf: `detail.client.tool` over and over",
        lambda: PROTO(_inner(_inner(_inner(b"\x0a\x00" * 500_000, 4), 6))),
    ),
    Hostile("protobuf: unknown fields", repeated(b"\xf8\x01\x01", size=MIB)),
    Hostile(
        "protobuf: unknown fields in 100,000 contexts",
        lambda: PROTO(_inner(b"\x2a\x03\xf8\x01\x01" * 100_000)),
    ),
    Hostile("protobuf: unknown groups, nested", lambda: PROTO(b"\xfb\x01" * 200_000 + b"\xfc\x01" * 200_000)),
    Hostile("protobuf: unknown groups, side by side", repeated(b"\xfb\x01\xfc\x01", size=MIB)),
    Hostile(
        "protobuf: an Any of 1 MiB",
        lambda: PROTO(_inner(_inner(b"\x12" + bytes([0xC0, 0x84, 0x3D]) + b"\0" * 1_000_000, 11))),
    ),
    Hostile("protobuf: `event.id` over and over", lambda: PROTO(_inner(b"\x12\x01a" * 300_000))),
    Hostile("protobuf: zeros", lambda: PROTO(b"\0" * MIB)),
    # Plain, not compressed
    Hostile(
        "plain: 64 KB of lines `1`",
        lambda: largest(plain(LINES), b"", same(b"1"), between=b"\n", inflated=WIRE),
    ),
    Hostile("plain: 64 KB of `[1,1,…]` in an event", lambda: plain(EVENT)(b"[" + b"1," * 32_000 + b"1]")),
    Hostile(
        "plain: 64 KB of small events, each with its source, version and session",
        lambda: largest(
            plain(BATCH),
            b'{"events":[',
            v3(lambda n, e: e["context"].update(sid=f"s{n}", pdata={"id": f"p{n}", "ver": f"v{n}"})),
            b"]}",
            inflated=WIRE,
        ),
    ),
    Hostile(
        "plain: an Idempotency-Key of 512 characters",
        lambda: Request(AVAILITY, json.dumps(_unowned()).encode(), JSON, {"Idempotency-Key": "k" * 512}),
    ),
]
