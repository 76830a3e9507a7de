"""Cases: bodies that aren't events or batches, batches of odd sizes, repeats."""

import json

from tests.bad_input.case import (
    Case,
    Kept,
    among,
    availity,
    bad,
    batch,
    body,
    buildless,
    good,
    kept_as_rejected,
    spliced,
    v3,
)
from tests.bad_input.exchange import PROTOBUF, Request
from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD, emitted, log_event, message, now_ms


def numbered(count: int, **bad_at: int) -> Request:
    """Build a batch of `count` events in which the one at `bad_at` has no edata."""
    ms = now_ms()
    events = [log_event(f"L:{number}", ets=ms) for number in range(count)]
    for index in bad_at.values():
        del events[index]["edata"]
    return Request(SUNBIRD, json.dumps({"events": events}).encode())


def twice(path: str, first: object, second: object, **headers: str) -> list[Request]:
    return [Request(path, json.dumps(value).encode(), headers=headers) for value in (first, second)]


def again(**changes: object) -> list[Request]:
    """Build two batches with an event of the same mid and ets."""
    ms = now_ms()
    events = (log_event("same", ets=ms), log_event("same", ets=ms) | changes)
    return twice(SUNBIRD, *({"events": [event]} for event in events))


def at_two_times() -> list[Request]:
    ms = now_ms()
    return twice(SUNBIRD, *({"events": [log_event("same", ets=ms - n)]} for n in range(2)))


def pair(**changes: object) -> Request:
    """Build a batch with two events of the same mid and ets."""
    ms = now_ms()
    events = (log_event("same", ets=ms), log_event("same", ets=ms) | changes)
    return batch(*(json.dumps(event).encode() for event in events))


def _emitted_at(ms: str, changes: dict[str, object]) -> object:
    event = emitted(timing={"occurred": ms})
    event["event"] |= changes
    return event


def emitted_again(**changes: object) -> list[Request]:
    ms = str(now_ms())
    return twice(EMIT, emitted(timing={"occurred": ms}), _emitted_at(ms, changes))


JUNK = {
    "an empty body": b"",
    "blanks": b" \r\n\t ",
    "a word": b"hello",
    "a half of a batch": b'{"events": [{"eid": "LOG"',
    "a brace too many": b'{"events": []}}',
    "two documents": b'{"events": []}{"events": []}',
    "single quotes": b"{'events': []}",
    "a comment": b'{"events": [] /* none */}',
    "bytes that are no UTF-8": b'{"x": "\xff\xfe"',
    "zeros": b"\x00" * 100,
    "JSON in UTF-16": '{"events": []}'.encode("utf-16"),
    "100,000 opening brackets": b"[" * 100_000,
    "XML": b"<events/>",
}
VALUES = {"null": b"null", "1": b"1", "a text": b'"x"', "[]": b"[]", "[null]": b"[null]"}

BODIES = [
    *(bad(f"{name}, as a batch", body(SUNBIRD, junk), 400, "bad_json") for name, junk in JUNK.items()),
    *(bad(f"{name}, as a batch", body(SUNBIRD, value), 400, "no_events") for name, value in VALUES.items()),
    bad("{}, as a batch", body(SUNBIRD, b"{}"), 400, "no_events"),
    bad("an event without its batch", body(SUNBIRD, json.dumps(log_event()).encode()), 400, "no_events"),
    bad("events is null", body(SUNBIRD, b'{"events": null}'), 400, "no_events"),
    bad("events is an object", body(SUNBIRD, b'{"events": {}}'), 400, "no_events"),
    bad("events is a text", body(SUNBIRD, b'{"events": "[]"}'), 400, "no_events"),
    bad("Events in upper case", body(SUNBIRD, b'{"EVENTS": []}'), 400, "no_events"),
    good("a batch with a byte order mark", lambda: Request(SUNBIRD, b"\xef\xbb\xbf" + numbered(1).body)),
    good(
        "params of a wrong type",
        lambda: Request(SUNBIRD, b'{"params": [1], "id": {}, "ver": null,' + numbered(1).body[1:]),
    ),
    *(
        bad(f"{name}, as a message", body(AVAILITY, junk), 400, "bad_json")
        for name, junk in JUNK.items()
        if name not in ("bytes that are no UTF-8", "100,000 opening brackets", "JSON in UTF-16")
    ),
    bad(
        "bytes that are no UTF-8, as a message",
        body(AVAILITY, JUNK["bytes that are no UTF-8"]),
        400,
        "bad_utf8",
    ),
    bad("JSON in UTF-16, as a message", body(AVAILITY, JUNK["JSON in UTF-16"]), 400, "bad_utf8"),
    kept_as_rejected("100,000 opening brackets, as a message", body(AVAILITY, b"[" * 100_000), "too_deep"),
    *(
        bad(f"{name}, as a message", body(AVAILITY, value), 400, "wrong_type")
        for name, value in VALUES.items()
    ),
    kept_as_rejected("{}, as a message", body(AVAILITY, b"{}"), "missing", "owner"),
    kept_as_rejected("an empty body, as an emitted event", body(EMIT, b""), "missing", "event"),
    *(
        bad(f"{name}, as an emitted event", body(EMIT, JUNK[name]), 400, "bad_json")
        for name in ("blanks", "a word", "a half of a batch", "two documents", "zeros", "XML")
    ),
    *(
        kept_as_rejected(f"{name}, as an emitted event", body(EMIT, value), "wrong_type")
        for name, value in VALUES.items()
    ),
    kept_as_rejected("{}, as an emitted event", body(EMIT, b"{}"), "missing", "event"),
    bad("bytes that are no protobuf", body(EMIT, b"\xff\xff\xff", PROTOBUF), 400, "bad_protobuf"),
    bad("JSON said to be protobuf", body(EMIT, b'{"event": {}}', PROTOBUF), 400, "bad_protobuf"),
    kept_as_rejected(
        "protobuf of unknown fields only", body(EMIT, b"\xa2\x06\x03abc", PROTOBUF), "missing", "event"
    ),
    bad("protobuf cut off", body(EMIT, b"\x2a\x50\x12", PROTOBUF), 400, "bad_protobuf"),
    good("an empty stream", body(STREAM, b""), kept=Kept()),
    # Bodies sent to another dialect's address.
    bad(
        "an Availity message at Sunbird's path",
        lambda: Request(SUNBIRD, availity("payerId", b'"x"')().body),
        400,
        "no_events",
    ),
    bad(
        "a Buildless event at Sunbird's path",
        lambda: Request(SUNBIRD, buildless("scope", b'"x"')().body),
        400,
        "no_events",
    ),
    kept_as_rejected(
        "a V3 batch at Availity's path", lambda: Request(AVAILITY, numbered(1).body), "missing", "owner"
    ),
    kept_as_rejected(
        "a V3 batch at Buildless's path", lambda: Request(EMIT, numbered(1).body), "missing", "event"
    ),
    kept_as_rejected(
        "an Availity message at Buildless's path",
        lambda: Request(EMIT, availity("payerId", b'"x"')().body),
        "missing",
        "event",
    ),
]

BATCHES = [
    good("a batch of none", body(SUNBIRD, b'{"events": []}'), kept=Kept()),
    good("a batch of one", lambda: numbered(1)),
    good("a batch of 5,000, the limit", lambda: numbered(5_000), kept=Kept(5_000)),
    bad("a batch of 5,001", lambda: numbered(5_001), 413, "too_many_events"),
    Case(
        "one bad event of 1,000",
        lambda: numbered(1_000, at=500),
        200,
        "missing",
        "edata",
        (500,),
        Kept(999, 0, 1),
    ),
    good("the same event twice in one batch", pair, kept=Kept(1, 1)),
    good(
        "the same mid and time twice in one batch, with different bodies",
        lambda: pair(tags=["x"]),
        kept=Kept(1, 1),
    ),
    good("the same batch twice", again, kept=Kept(1, 1)),
    good("the same mid and time again, with another body", lambda: again(tags=["other"]), kept=Kept(1, 1)),
    good("the same mid at another time", at_two_times, kept=Kept(2)),
    good("the same Buildless event twice", emitted_again, kept=Kept(1, 1)),
    good(
        "the same Buildless id again, with another body", lambda: emitted_again(user="other"), kept=Kept(1, 1)
    ),
    good(
        "the same message twice, without an id", lambda: twice(AVAILITY, message(), message()), 201, Kept(2)
    ),
    good(
        "the same message twice, with an Idempotency-Key",
        lambda: twice(AVAILITY, message(), message(), **{"Idempotency-Key": "k"}),
        201,
        Kept(1, 1),
    ),
    bad(
        "another message with the same Idempotency-Key",
        lambda: twice(AVAILITY, message(), message(payerId="x"), **{"Idempotency-Key": "k"}),
        409,
        "idempotency_key_reused",
        kept=Kept(1),
    ),
    good(
        "the same message with the same Idempotency-Key for two owners",
        lambda: twice(AVAILITY, message(owner="One"), message(owner="Two"), **{"Idempotency-Key": "k"}),
        201,
        Kept(2),
    ),
    Case(
        "the same bad event twice",
        lambda: batch(b'{"eid": "LOG"}', b'{"eid": "LOG"}'),
        200,
        "missing",
        "edata",
        (0, 1),
        Kept(0, 1, 1),
    ),
]

EVENTS = [
    *(
        among(f"{name} among events", lambda raw=raw: raw, "wrong_type")  # type: ignore[misc]
        for name, raw in {**VALUES, "true": b"true"}.items()
    ),
    among("{} among events", lambda: b"{}", "missing", "eid"),
    bad("nothing between two commas", body(SUNBIRD, b'{"events":[{},,{}]}'), 400, "bad_json"),
    among("an eid that nobody knows", v3("eid", b'"NOPE"'), "unknown_kind", "eid"),
    among("an eid in lower case", v3("eid", b'"log"'), "unknown_kind", "eid"),
    among("an eid that is a number", v3("eid", b"1"), "wrong_type", "eid"),
    among("an array for an object", v3("edata", b"[]"), "wrong_type", "edata"),
    among("an array for the context", v3("context", b"[]"), "wrong_type", "context"),
    among("a text for the actor", v3("actor", b'"u1"'), "wrong_type", "actor"),
    among("an object for a text", v3("edata.message", b"{}"), "wrong_type", "edata.message"),
    among("null for a text", v3("edata.message", b"null"), "wrong_type", "edata.message"),
    among("an empty mid", v3("mid", b'""'), "empty", "mid"),
    among("a mid of 513 characters", v3("mid", b'"' + b"x" * 513 + b'"'), "bad_length", "mid"),
    kept_as_rejected(
        "an array for entries",
        availity("telemetryBody.entries", b"[]"),
        "wrong_type",
        "telemetryBody.entries",
    ),
    kept_as_rejected(
        "an object for a text in a message", availity("customerId", b"{}"), "wrong_type", "customerId"
    ),
    kept_as_rejected(
        "a contact that is no address", availity("contact", b'"nobody"'), "bad_value", "contact"
    ),
    kept_as_rejected("a version of tomorrow", availity("version", b'"2"'), "unknown_version", "version"),
    kept_as_rejected("an array for a Buildless event", buildless("event", b"[]"), "wrong_type", "event"),
    kept_as_rejected("no context", buildless("event.context", b"[]"), "empty", "event.context"),
    kept_as_rejected(
        "eleven contexts",
        buildless(
            "event.context",
            b"[" + b",".join([b'{"type":"type.googleapis.com/buildless.context.B","event":"e"}'] * 11) + b"]",
        ),
        "bad_length",
        "event.context",
    ),
    kept_as_rejected(
        "an id of eleven characters", buildless("event.id", b'"abcdefghijk"'), "bad_value", "event.id"
    ),
    kept_as_rejected(
        "a collection with digits", buildless("collection", b'"builds2"'), "bad_value", "collection"
    ),
    kept_as_rejected(
        "a reserved key in data",
        buildless("event.data", b'{"a": [{"_buildless_": 1}]}'),
        "reserved_key",
        "event.data.a[0]._buildless_",
    ),
    good("the same key twice in an event", lambda: batch(spliced(log_event(), "x", b'1,"x":2'))),
]
