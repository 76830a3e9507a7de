"""Cases: numbers, times, texts and keys that trip up parsers and databases."""

import json
from collections.abc import Iterator

from tests.bad_input.case import (
    Case,
    Kept,
    among,
    availity,
    batch,
    body,
    buildless,
    form,
    good,
    kept_among,
    kept_as_rejected,
    query,
    v3,
)
from tests.bad_input.exchange import FORM, Request
from tests.sending import AVAILITY, log_event, now_ms

DAY = 86_400_000

# Values that can't be stored: the event is rejected.
REFUSED: dict[str, tuple[bytes, str]] = {
    "NaN": (b"NaN", "not_finite"),
    "Infinity": (b"-Infinity", "not_finite"),
    "a number beyond doubles": (b"1e400", "number_out_of_range"),
    "a number of 5,000 digits": (b"9" * 5_000, "number_out_of_range"),
    "bytes that are no UTF-8": (b'"\xff\xfe"', "bad_utf8"),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', "bad_utf8"),
    "101 levels": (b"[" * 101 + b"]" * 101, "too_deep"),
    "300 kB of depth": (b"[" * 150_000 + b"]" * 150_000, "too_deep"),
    "20,001 keys": (json.dumps(dict.fromkeys(map(str, range(20_001)))).encode(), "too_many_keys"),
    "text of 1 MiB": (b'"' + b"x" * 2**20 + b'"', "too_large"),
}
# Odd values that are stored and returned as sent.
KEPT: dict[str, bytes] = {
    "NUL in text": b'"a\\u0000b"',
    "a lone surrogate": b'"\\ud800"',
    "two surrogates in the wrong order": b'"\\udc00\\ud800"',
    "what looks like our escape, beside NUL": b'"\\\\u0000\\u0000"',
    "empty text": b'""',
    "text of 300 kB": b'"' + b"x" * 300_000 + b'"',
    "text of 12 kB, more than an index takes": b'"' + b"x" * 12_000 + b'"',
    "astral text": '"\U0001f600\U0010ffff"'.encode(),
    "a right-to-left override": '"\u202egnp.exe"'.encode(),
    "a byte order mark in text": '"\ufeff"'.encode(),
    "control characters": b'"\\u0001\\u001b[31m\\u007f"',
    "<script>": b'"<script>alert(1)</script>"',
    "a formula": b"\"=cmd|' /C calc'!A0\"",
    "a template": b'"{{7*7}} ${7*7} {% debug %} %s %n"',
    "CR LF and a mail header": b'"x\\r\\nBcc: all@example.com"',
    "SQL": b'"\'; DROP TABLE events_event; --"',
    "Unicode digits": '"\u0661\u0662\u0663"'.encode(),
}
NUMBERS: dict[str, bytes] = {
    "2^53 + 1": b"9007199254740993",
    "2^64": b"18446744073709551616",
    "-2^64": b"-18446744073709551616",
    "a number of 400 digits": b"9" * 400,
    "1e22": b"1e22",
    "5e-324": b"5e-324",
    "-0.0": b"-0.0",
    "true": b"true",
    "a number as text": b'"12.50"',
    "Unicode digits for a number": '"\u0661\u0662"'.encode(),
    "NaN as text": b'"NaN"',
    "infinity as text": b'"infinity"',
    "null": b"null",
}
OBJECTS: dict[str, bytes] = {
    "an empty key": b'{"": 1}',
    "__proto__": b'{"__proto__": {"admin": true}, "constructor": 1}',
    "dotted keys": b'{"a.b": 1, "a": {"b": 2}, ".": 3, "$ne": 4}',
    "a key with NUL": b'{"\\u0000": 1}',
    "a key that is a lone surrogate": b'{"\\ud800": 1}',
    "a key of 10 kB": json.dumps({"k" * 10_000: 1}).encode(),
    "10,000 distinct keys": json.dumps(dict.fromkeys(map(str, range(10_000)), 1)).encode(),
    "90 levels": b'{"a":' * 90 + b"1" + b"}" * 90,
    "an array for an object": b"[]",
    "lists in lists": b"[[[[]], {}], [null]]",
}


def _everywhere() -> Iterator[Case]:
    """Yield each of these in all three dialects."""
    for name, (raw, code) in REFUSED.items():
        yield among(f"{name}, in a V3 event", v3("edata.odd", raw), code)
        # In a body of a single message, violated limits and invalid UTF-8 refuse the whole body.
        if code == "bad_utf8":
            yield Case(f"{name}, in a message", availity("odd", raw), 400, code)
            yield Case(f"{name}, in an emitted event", buildless("odd", raw), 400, code)
        else:
            yield kept_as_rejected(f"{name}, in a message", availity("odd", raw), code)
            yield kept_as_rejected(f"{name}, in an emitted event", buildless("odd", raw), code)
    for name, raw in KEPT.items():
        yield kept_among(f"{name}, in a text of a V3 event", v3("edata.message", raw))
        yield good(f"{name}, in a text of a message", availity("telemetryBody.entries.url", raw), 201)
        yield good(f"{name}, in a text of an emitted event", buildless("event.location.locality", raw))
    for name, raw in NUMBERS.items():
        yield kept_among(f"{name}, where a V3 event has a number", v3("edata.duration", raw))
        yield good(f"{name}, where an emitted event has a number", buildless("event.location.point.lat", raw))
    for name, raw in OBJECTS.items():
        yield kept_among(f"{name}, in a V3 event", v3("edata.odd", raw))
        yield good(f"{name}, in a message", availity("telemetryBody.entries.odd", raw), 201)
        yield good(f"{name}, in an emitted event", buildless("event.data", raw))


EVERYWHERE = list(_everywhere())


def _at(ms: int) -> bytes:
    return json.dumps(log_event("odd", ets=now_ms() + ms)).encode()


NUMBERS_AND_TIMES = [
    among("ets is text", v3("ets", b'"today"'), "wrong_type", "ets"),
    among("ets is ISO 8601", v3("ets", b'"2026-01-01T00:00:00Z"'), "wrong_type", "ets"),
    among("ets is true", v3("ets", b"true"), "wrong_type", "ets"),
    among("ets is null", v3("ets", b"null"), "wrong_type", "ets"),
    among("ets is in Unicode digits", v3("ets", '"\u0661\u0667"'.encode()), "wrong_type", "ets"),
    among("ets is NaN", v3("ets", b"NaN"), "not_finite"),
    among("ets is 1e400", v3("ets", b"1e400"), "number_out_of_range"),
    among("ets is negative", v3("ets", b"-1"), "too_old", "ets"),
    among("ets is in seconds", v3("ets", b"1760000000"), "too_old", "ets"),
    among("ets is in microseconds", v3("ets", b"1760000000000000"), "too_far_ahead", "ets"),
    among("ets is of the year 10000", v3("ets", b"253402300800000"), "too_far_ahead", "ets"),
    among("ets is 2^64", v3("ets", b"18446744073709551616"), "too_far_ahead", "ets"),
    among("ets is 1e300", v3("ets", b"1e300"), "too_far_ahead", "ets"),
    among("ets has 400 digits", v3("ets", b"9" * 400), "too_far_ahead", "ets"),
    among("a clock ten years behind", lambda: _at(-3_650 * DAY), "too_old", "ets"),
    among("a clock two days ahead", lambda: _at(2 * DAY), "too_far_ahead", "ets"),
    kept_among("a clock an hour ahead", lambda: _at(3_600_000)),
    kept_among("a clock two days behind", lambda: _at(-2 * DAY)),
    kept_among("ets with a fraction", lambda: _at(0).replace(b', "ver"', b'.75, "ver"')),
    kept_among("ets as a numeric text", lambda: json.dumps(log_event("odd", ets=str(now_ms()))).encode()),
    kept_as_rejected(
        "occurred is negative",
        buildless("event.timing.occurred", b'"-1"'),
        "bad_value",
        "event.timing.occurred",
    ),
    kept_as_rejected(
        "occurred is true", buildless("event.timing.occurred", b"true"), "wrong_type", "event.timing.occurred"
    ),
    kept_as_rejected(
        "occurred is 2^64",
        buildless("event.timing.occurred", b"18446744073709551616"),
        "too_far_ahead",
        "event.timing.occurred",
    ),
    kept_as_rejected(
        "occurred is 0", buildless("event.timing.occurred", b"0"), "too_old", "event.timing.occurred"
    ),
    good("occurred is in seconds", buildless("event.timing.occurred", str(now_ms() // 1_000).encode())),
    good("an index of 2^32", buildless("index", b"4294967296")),
    good("an index of -1", buildless("index", b"-1")),
    good("a release of 2^64", buildless("event.detail.client.os.version.release", b'"18446744073709551616"')),
    good("an enum's number that nobody knows", buildless("event.detail.client.os.family", b"99")),
    kept_as_rejected(
        "occurred is a word, in a query",
        query(**{"event.timing.occurred": "today"}),
        "bad_value",
        "event.timing.occurred",
    ),
    good(
        "numbers that are none, in a query",
        query("&index=x&event.location.point.lat=NaN&fin=2&event.ordinal=-1"),
    ),
]

TEXTS_AND_KEYS = [
    kept_among("a session of 512 characters", v3("context.sid", b'"' + b"x" * 512 + b'"')),
    among(
        "a session of 513 characters",
        v3("context.sid", b'"' + b"x" * 513 + b'"'),
        "bad_length",
        "context.sid",
    ),
    among("an actor of 13 kB", v3("actor.id", b'"' + b"x" * 13_000 + b'"'), "bad_length", "actor.id"),
    among(
        "a source of 101 characters",
        v3("context.pdata.id", b'"' + b"x" * 101 + b'"'),
        "bad_name",
        "context.pdata.id",
    ),
    among("a source with a line break", v3("context.pdata.id", b'"a\\nb"'), "bad_name", "context.pdata.id"),
    among("a source with NUL", v3("context.pdata.id", b'"a\\u0000b"'), "bad_name", "context.pdata.id"),
    kept_among("a source of blanks", v3("context.pdata.id", b'"  "')),
    kept_among("a mid with NUL", v3("mid", b'"a\\u0000"')),
    kept_among("a mid that is a lone surrogate", v3("mid", b'"\\ud800"')),
    kept_as_rejected(
        "an owner of 101 characters", availity("owner", b'"' + b"x" * 101 + b'"'), "bad_name", "owner"
    ),
    kept_as_rejected("an empty owner", availity("owner", b'""'), "empty", "owner"),
    kept_as_rejected("an owner of blanks", availity("owner", b'" \\t"'), "empty", "owner"),
    kept_as_rejected("an empty source system", availity("source_system", b'""'), "empty", "source_system"),
    good("a session that is a placeholder", availity("sessionId", b'"[object Object]"'), 201),
    kept_as_rejected("an owner with NUL", availity("owner", b'"a\\u0000b"'), "bad_name", "owner"),
    kept_as_rejected(
        "an owner that is a lone surrogate", availity("owner", b'"\\ud800"'), "bad_name", "owner"
    ),
    kept_as_rejected("an owner with CR LF", availity("owner", b'"a\\r\\nBcc: b@c.d"'), "bad_name", "owner"),
    good("an owner that is a formula", availity("owner", b'"=cmd()"'), 201),
    good("an owner with markup", availity("owner", b'"<img src=x onerror=alert(1)>"'), 201),
    good("a contact with markup", availity("contact", b'"<b>@example.com"'), 201),
    kept_as_rejected(
        "a contact with CR LF", availity("contact", b'"a@b.c\\r\\nBcc: b@c.d"'), "bad_value", "contact"
    ),
    good("a form with NUL in name and value", form("&telemetryBody.entries.a%00=%00"), 201),
    good("a form with bytes that are no UTF-8, escaped", form("&telemetryBody.entries.x=%ff%fe"), 201),
    kept_as_rejected(
        "a form with bytes that are no UTF-8", body(AVAILITY, b"source_system=s&x=\xff", FORM), "bad_utf8"
    ),
    good("a form with half an escape", form("&telemetryBody.entries.x=100%&y=%4"), 201),
    good("a form whose names stand in each other's way", form("&a=1&a.b=2&a[]=3&a[].b=4&.=5&..=6&[]=7"), 201),
    good("a form with empty names", form("&=1&&&=2"), 201),
    good("a form with __proto__", form("&__proto__.admin=1&telemetryBody.__proto__=1"), 201),
    kept_as_rejected(
        "a form with the level in the way of entries",
        form("&telemetryBody=x&telemetryBody.entries.a=1"),
        "wrong_type",
        "telemetryBody",
    ),
    kept_as_rejected("a form with a name of 101 levels", form("&" + "a." * 100 + "b=1"), "too_deep"),
    kept_as_rejected("a form with 20,001 names", form("&a=1" * 20_001), "too_many_keys"),
    good("a query with NUL and no UTF-8", query("&scope=%00%ff")),
    good(
        "a query whose names stand in each other's way",
        query("&event.detail=1&event.detail.client=2&a=1&a.b=2"),
    ),
    good("a query with a name that is no UTF-8", query("&%ff=1&a.%ed%a0%80=2")),
    good("1,000 query parameters", query("".join(f"&p{n}={n}" for n in range(1_000)))),
    kept_as_rejected("a query of 20,001 names", query("&a=1" * 20_001), "too_many_keys"),
    kept_as_rejected("a query of 101 levels", query("&" + "a." * 100 + "b=1"), "too_deep"),
]


def _one_of_40(raw: bytes) -> Request:
    events = [json.dumps(log_event(f"L:{number}")).encode() for number in range(40)]
    events[17] = events[17][:-1] + b', "odd": ' + raw + b"}"
    return batch(*events)


ONE_OF_40 = [
    *(
        Case(f"{name}, in one of 40", lambda raw=raw: _one_of_40(raw), 200, code, "", (17,), Kept(39, 0, 1))  # type: ignore[misc]
        for name, (raw, code) in REFUSED.items()
    ),
    *(
        good(f"{name}, in one of 40", lambda raw=raw: _one_of_40(raw), kept=Kept(40))  # type: ignore[misc]
        for name, raw in {**KEPT, **NUMBERS, **OBJECTS}.items()
    ),
]
