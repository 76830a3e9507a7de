"""Strategies for bad requests: valid samples with changed JSON or bytes, and arbitrary bytes."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from urllib.parse import quote, urlencode

from google.protobuf import json_format
from hypothesis import strategies as st

from ingestion.dialects import buildless_pb2
from tests.bad_input.exchange import FORM, JSON, NDJSON, PACKED, PROTOBUF, Request
from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD, emitted, log_event, now_ms
from tests.wire import samples

Wire = Any
Draw = Callable[[st.SearchStrategy[Any]], Any]
NOW = now_ms()  # fixed, so that examples depend only on Hypothesis

TEXTS = st.text(max_size=20) | st.text(
    st.characters(codec=None, categories=["Cs", "Cc", "Lu", "Nd"]), max_size=8
)
ODD_TEXTS = st.sampled_from(
    ["", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\\u0000", "\\", "\ufeff", "null",
     "undefined", "NaN",
     "1e999", "-0", "1" * 400, "\u0661", "x" * 513, "é" * 101, "\u202egnp.exe", "<script>", "=cmd()",
     "{{7*7}}",
     "a\r\nBcc: b@c.d", "(unknown)", "(overflow)", "\u212a", "\u0130", "1760000000123", "infinity", "key",
     "x" * 13_000]
)  # fmt: skip
ODD_KEYS = st.sampled_from(
    ["", "__proto__", "a.b", "a[]", "edata", "event", "events", "\x00", "\ud800", "@type", "@unknown",
     "owner",
     "eid", "mid", "ets", "key", "x" * 300, "\\u0000", "buildless", "typeUrl", "event.id", "constructor"]
)  # fmt: skip
NUMBERS = st.sampled_from(
    [0, -1, 1.5, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, -(2**64), 10**25, 10**400, 1e22, 1e308, 5e-324, -0.0,
     99_999_999_999, 253_402_300_800_000, float("nan"), float("inf"), float("-inf")]
) | st.integers() | st.floats()  # fmt: skip
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS | ODD_TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_KEYS | TEXTS, inner, max_size=3),
    max_leaves=6,
)
TOKENS = st.sampled_from(
    [b"\\u0000", b"\\ud800", b"\\", b'"', b"{", b"}", b"[", b"]", b",", b":", b"NaN", b"-Infinity", b"1e999",
     b"-", b"\xff", b"\x00", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r\n", b"\n\n", b"&", b"=", b"%",
     b"%00", b"%ff",
     b"+", b".", b"[]", b"[].", b"null", b'"events":[', b'"edata":{}', b"9" * 30, b"1" * 5000, b"[" * 150,
     b'{"a":' * 150, b"\x80\x80\x80\x80\x10", b"/*", b"'", b"\x1f\x8b"]
)  # fmt: skip
HEADERS = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
) | st.sampled_from(
    ["x" * 600, "x" * 10_000, "\xff\xfe", "1.2.3.4, 5.6.7.8", "::1", "gzip", "undefined", "\t"]
)


def paths_in(value: Wire, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values inside a JSON value."""
    found: list[tuple[Any, ...]] = []
    items: Any = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, below in items:
        found += [(*path, key), *paths_in(below, (*path, key))]
    return found


def _deep(value: Wire) -> Wire:
    for _ in range(120):
        value = [value]
    return value


# Changes to the value at `key` of `place`.
def _replace(draw: Draw, place: Any, key: Any) -> None:
    place[key] = draw(VALUES)


def _remove(_: Draw, place: Any, key: Any) -> None:
    del place[key]


def _as_text(_: Draw, place: Any, key: Any) -> None:
    place[key] = str(place[key])


def _wrap(_: Draw, place: Any, key: Any) -> None:
    place[key] = [place[key]]


def _inside(_: Draw, place: Any, key: Any) -> None:
    place[key] = {"edata" if key == "edata" else "": place[key]}


def _bury(_: Draw, place: Any, key: Any) -> None:
    place[key] = _deep(place[key])


def _beside(draw: Draw, place: Any, key: Any) -> None:
    if type(place) is dict:
        place[draw(ODD_KEYS | TEXTS)] = draw(VALUES)
    else:
        place.append(draw(VALUES))


def _rename(draw: Draw, place: Any, key: Any) -> None:
    if type(place) is dict:
        place[draw(ODD_KEYS | TEXTS)] = place.pop(key)


CHANGES = st.sampled_from([_replace, _replace, _remove, _as_text, _wrap, _inside, _bury, _beside, _rename])


@st.composite
def changed_values(draw: Draw, value: Wire) -> Wire:
    """Change a JSON value in one to four places."""
    holder = {"": deepcopy(value)}
    for _ in range(draw(st.integers(1, 4))):
        paths = [path for path in paths_in(holder[""]) if len(path) < 20]
        if not paths:
            break
        *above, key = draw(st.sampled_from(paths))
        place: Any = holder[""]
        for step in above:
            place = place[step]
        draw(CHANGES)(draw, place, key)
    return holder[""]


@st.composite
def json_texts(draw: Draw, value: Wire) -> bytes:
    """Serialise a value with escapes or without, in which case a lone surrogate is invalid UTF-8."""
    text = json.dumps(
        value, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([None, (",", ":")]))
    )
    return text.encode("utf-8", "surrogatepass")


@st.composite
def changed_bytes(draw: Draw, body: bytes) -> bytes:
    """Remove, repeat, overwrite or insert one to four pieces of bytes."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 12)))
        piece = draw(TOKENS | st.binary(max_size=4) | st.just(b"") | st.just(body[start:end] * 2))
        body = body[:start] + piece + body[end:]
    return body


def _sample(draw: Draw, kind: str, mid: str) -> Wire:
    make = draw(st.sampled_from([samples.complete, samples.minimal]))
    return make(kind, ms=NOW, mid=mid)


@st.composite
def sunbird_batches(draw: Draw) -> Request:
    """Build a batch of valid events around one to three changed ones, which must not affect the others."""
    kinds = draw(st.lists(st.sampled_from(samples.SUNBIRD), min_size=1, max_size=3))
    events = [log_event("good-first", ets=NOW)]
    events += [draw(changed_values(_sample(draw, kind, f"mutant-{n}"))) for n, kind in enumerate(kinds)]
    events.append(log_event("good-last", ets=NOW))
    body = draw(json_texts({"id": "x", "params": {"msgid": "m"}, "events": events}))
    return Request(SUNBIRD, body, headers=draw(odd_headers()))


@st.composite
def odd_headers(draw: Draw) -> dict[str, str]:
    """Return a few headers with arbitrary values."""
    names = ("X-Device-ID", "X-App-ID", "X-Channel-ID", "User-Agent", "X-Forwarded-For", "Origin", "Accept",
             "Idempotency-Key", "Content-MD5")  # fmt: skip
    found: dict[str, str] = draw(st.dictionaries(st.sampled_from(names), HEADERS, max_size=2))
    return found


@st.composite
def availity_messages(draw: Draw) -> Request:
    """Build a message with changed JSON, or a form with changed names and values."""
    message = draw(changed_values(_sample(draw, "ui_action", "")))
    if draw(st.booleans()):
        return Request(AVAILITY, draw(json_texts(message)), headers=draw(odd_headers()))
    pairs = [(".".join(map(str, path)), value) for path, value in _leaves(message)]
    pairs += draw(st.lists(st.tuples(FORM_NAMES, ODD_TEXTS | TEXTS), max_size=4))
    return Request(AVAILITY, _urlencoded(pairs), FORM, draw(odd_headers()))


FORM_NAMES = st.sampled_from(
    ["telemetryBody", "telemetryBody.entries", "telemetryBody.entries.a[]", "telemetryBody.entries.a[].b",
     "telemetryBody.entries.a", "telemetryBody.entries.a.b", "[]", ".", "..", "a.", ".a", "", "owner",
     "owner[]",
     "version", "a[].b.c[]", "key", "\x00", "sessionId.x"]
) | TEXTS  # fmt: skip


def _leaves(value: Wire, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Wire]]:
    items: Any = value.items() if type(value) is dict else enumerate(value) if type(value) is list else None
    if items is None:
        return [(path, value)]
    return [leaf for key, below in items for leaf in _leaves(below, (*path, key))]


def _urlencoded(pairs: list[tuple[str, Wire]]) -> bytes:
    return "&".join(
        f"{quote(name, errors='surrogatepass')}={quote(str(value), errors='surrogatepass')}"
        for name, value in pairs
    ).encode()


@st.composite
def emitted_events(draw: Draw) -> Request:
    """Build a changed Buildless event as a JSON body or as query parameters."""
    event = draw(changed_values(_sample(draw, "emitted_event", "")))
    if draw(st.booleans()):
        return Request(EMIT, draw(json_texts(event)), headers=draw(odd_headers()))
    pairs = [(".".join(map(str, path)), value) for path, value in _leaves(event)]
    pairs += draw(st.lists(st.tuples(TEXTS | st.sampled_from(QUERY_NAMES), ODD_TEXTS | TEXTS), max_size=4))
    return Request(EMIT, query=_urlencoded(pairs).decode())


QUERY_NAMES = (
    "event", "event.data.typeUrl", "event.data.value", "event.data.buildless", "event.context",
    "event.context.type",
    "event.detail.client.tool", "event.detail.client.tool.name", "event.location.point.lat",
    "event.location.tag",
    "event.timing", "event.timing.occurred", "event.timing.received", "event.location.source_ip",
    "key", "fin",
    "index", "event.detail.client.os.family", "event.detail.client.os.version.release", "event.timer",
    "event.data",
    "event.detail.repository.provider.x", "scope.x", "event.data.@type", "event.data.@type.x",
)  # fmt: skip


def _emitted(name: str) -> Wire:
    return emitted(name, timing={"occurred": str(NOW)})


@st.composite
def streams(draw: Draw) -> Request:
    """Build a stream of valid lines around lines with changed JSON or bytes."""
    bad = [
        draw(json_texts(draw(changed_values(_sample(draw, "emitted_event", f"mutant{n:010}")))))
        for n in range(2)
    ]
    if draw(st.booleans()):
        bad[0] = draw(changed_bytes(bad[0])).replace(b"\n", b" ").strip() or b"-"
    first, last = (json.dumps(_emitted(f"goodevent{n:06}")).encode() for n in (1, 2))
    lines = [first, *bad, last]
    return Request(STREAM, draw(st.sampled_from([b"\n", b"\r\n", b"\n\n"])).join(lines), NDJSON)


def protobuf_of(event: Wire) -> bytes:
    """Encode an event as protobuf, in which its free-form data is bytes."""
    event = deepcopy(event)
    event["event"].pop("data", None)
    message = json_format.ParseDict(event, buildless_pb2.Event())
    message.event.data.type_url, message.event.data.value = "type.example/x", b"\x00\xff"
    return bytes(message.SerializeToString())


@st.composite
def corrupted_bytes(draw: Draw) -> Request:
    """Change the bytes of a valid request of any dialect and encoding."""
    request = draw(st.sampled_from(valid_requests()))
    body = draw(changed_bytes(request.body)) if request.body else b""
    query = draw(changed_bytes(request.query.encode())).decode("latin-1") if request.query else ""
    return Request(request.path, body, request.content_type, draw(odd_headers()), query)


def valid_requests() -> list[Request]:
    """Return one valid request for each dialect and encoding."""
    emitted_event = samples.complete("emitted_event", ms=NOW)
    form = [(".".join(path), value) for path, value in _leaves(samples.complete("ui_action"))]
    batch = [samples.complete(kind, ms=NOW, mid=kind) for kind in ("start", "summary", "share")]
    query = {
        "collection": "builds",
        "event.id": "abcdefghij01",
        "event.timing.occurred": str(NOW),
        "fin": "true",
    }
    return [
        Request(SUNBIRD, json.dumps({"events": batch}).encode()),
        Request(AVAILITY, json.dumps(samples.complete("ui_action")).encode()),
        Request(AVAILITY, _urlencoded(form), FORM),
        Request(EMIT, json.dumps(emitted_event).encode()),
        Request(EMIT, protobuf_of(emitted_event), PROTOBUF),
        Request(EMIT, query=urlencode(query)),
        Request(
            STREAM, b"\n".join(json.dumps(_emitted(f"streamed{n:06}")).encode() for n in range(3)), NDJSON
        ),
    ]


@st.composite
def arbitrary(draw: Draw) -> Request:
    """Build a request of arbitrary bytes or JSON for any path, content type and content encoding."""
    path = draw(st.sampled_from([SUNBIRD, AVAILITY, EMIT, STREAM]))
    content_type = draw(
        st.sampled_from([JSON, FORM, PROTOBUF, NDJSON, "", "text/plain;charset=UTF-8", "multipart/form-data"])
    )
    value = draw(VALUES | st.builds(lambda inner: {"events": inner}, VALUES | st.lists(VALUES, max_size=4)))
    body = draw(
        st.binary(max_size=200) | json_texts(value) | st.sampled_from(valid_requests()).map(lambda r: r.body)
    )
    headers = draw(odd_headers())
    encoding = draw(st.sampled_from(["", "", "gzip", "deflate", "identity", "br"]))
    if encoding:
        headers["Content-Encoding"] = encoding
        packed = PACKED.get(encoding, bytes)(body)
        body = draw(st.just(packed) | changed_bytes(packed))
    return Request(path, body, content_type, headers, draw(HEADERS) if draw(st.booleans()) else "")
