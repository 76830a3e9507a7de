"""Cases: content types, compression, headers, query parameters, addresses, user agents, API keys."""

import gzip
import json
import zlib
from base64 import b64encode
from urllib.parse import quote

from tests.bad_input.case import (
    GOOD,
    Case,
    Kept,
    One,
    bad,
    body,
    good,
    kept_as_rejected,
    query,
    stream,
)
from tests.bad_input.exchange import FORM, JSON, PACKED, PROTOBUF, Request
from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD, emitted, log_event, message

MULTIPART = "multipart/form-data; boundary=x"
PARTS = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'


def batch_as(content_type: str = JSON, **headers: str) -> One:
    """Build a valid batch of one event."""
    return lambda: Request(SUNBIRD, _batch(), content_type, headers)


def _batch() -> bytes:
    return json.dumps({"events": [log_event()]}).encode()


def message_as(content_type: str = JSON, query: str = "", **headers: str) -> One:
    """Build a valid message."""
    return lambda: Request(AVAILITY, json.dumps(message()).encode(), content_type, headers, query)


def emitted_as(content_type: str = JSON, query: str = "", **headers: str) -> One:
    """Build a valid Buildless event in JSON."""
    return lambda: Request(EMIT, json.dumps(emitted()).encode(), content_type, headers, query)


ODD_TYPES = [
    "",
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/octet-stream",
    "x",
    "; charset=utf-8",
    "é/ü",
]

CONTENT_TYPES = [
    *(good(f"a batch as {kind or 'nothing'}", batch_as(kind)) for kind in ODD_TYPES),
    *(good(f"a message as {kind or 'nothing'}", message_as(kind), 201) for kind in ODD_TYPES),
    *(good(f"an emitted event as {kind or 'nothing'}", emitted_as(kind)) for kind in ODD_TYPES),
    *(
        bad(f"{what} in {charset}", build(f"application/json; charset={charset}"), 415, "unsupported_charset")
        for charset in ("utf-16", "windows-1252")
        for what, build in (
            ("a batch", batch_as),
            ("a message", message_as),
            ("an emitted event", emitted_as),
        )
    ),
    good("a batch with its charset in quotes", batch_as('application/json; charset="UTF-8"')),
    good("a batch as multipart, which is JSON", batch_as(MULTIPART)),
    bad("a batch in multipart", body(SUNBIRD, PARTS, MULTIPART), 400, "bad_json"),
    bad("a message in multipart", body(AVAILITY, PARTS, MULTIPART), 415, "unsupported_type"),
    bad("an emitted event in multipart", body(EMIT, PARTS, MULTIPART), 415, "unsupported_type"),
    good("a JSON message said to be a form", message_as(FORM), 201),
    bad(
        "a form said to be JSON", lambda: Request(AVAILITY, b"source_system=s&owner=o", JSON), 400, "bad_json"
    ),
    kept_as_rejected("an empty form", body(AVAILITY, b"", FORM), "missing", "source_system"),
    kept_as_rejected("a form that is none", body(AVAILITY, b"hello", FORM), "missing", "source_system"),
    bad("an emitted event in a form", body(EMIT, b"event.id=abcdefghij01", FORM), 400, "bad_json"),
    kept_as_rejected("an empty body said to be protobuf", body(EMIT, b"", PROTOBUF), "missing", "event"),
]

LINES = [
    good("lines that end in CR LF", stream(GOOD, GOOD, end=b"\r\n"), kept=Kept(2)),
    good("a last line without its end, and blank lines", stream(b"", GOOD, b"", b"  ", GOOD), kept=Kept(2)),
    good("blank lines only", stream(b"", b" ", b"\r"), kept=Kept()),
    Case(
        "a line that is no JSON between two good ones",
        stream(GOOD, b"{", GOOD),
        200,
        "bad_json",
        "",
        (1,),
        Kept(2, 0, 1),
    ),
    Case("a line with NaN", stream(GOOD, b'{"x": NaN}', GOOD), 200, "not_finite", "", (1,), Kept(2, 0, 1)),
    Case(
        "a line that is no UTF-8",
        stream(GOOD, b'{"x": "\xff"}', GOOD),
        200,
        "bad_utf8",
        "",
        (1,),
        Kept(2, 0, 1),
    ),
    Case("a line of null", stream(GOOD, b"null", GOOD), 200, "wrong_type", "", (1,), Kept(2, 0, 1)),
    Case("a line of zeros", stream(GOOD, b"\x00\x00", GOOD), 200, "bad_json", "", (1,), Kept(2, 0, 1)),
    Case(
        "a line that is a list of events",
        stream(GOOD, b"[{}]", GOOD),
        200,
        "wrong_type",
        "",
        (1,),
        Kept(2, 0, 1),
    ),
    Case("two events in one line", stream(b"{}{}", GOOD), 200, "bad_json", "", (0,), Kept(1, 0, 1)),
    Case(
        "a batch for a stream",
        lambda: Request(STREAM, _batch()),
        200,
        "missing",
        "event",
        (0,),
        Kept(0, 0, 1),
    ),
    Case(
        "an indented event, which is many lines",
        lambda: Request(STREAM, json.dumps({"event": {}}, indent=1).encode()),
        200,
        "bad_json",
        "",
        (0, 1, 2),
        Kept(0, 0, 3),
    ),
    bad("5,001 lines", stream(*[b"{}"] * 5_001), 413, "too_many_events"),
]


def packed(encoding: str, content: bytes | None = None) -> One:
    """Build a batch with a Content-Encoding; `content` replaces the correctly encoded body."""

    def build() -> Request:
        pack = PACKED.get(encoding.lower().strip(), bytes)
        sent = pack(_batch()) if content is None else content
        return Request(SUNBIRD, sent, headers={"Content-Encoding": encoding})

    return build


def gzipped(change: str) -> One:
    """Build a damaged gzip body."""

    def build() -> Request:
        plain = _batch()
        whole = gzip.compress(plain)
        body = {
            "cut off": whole[:-12],
            "checksum": whole[:-8] + b"\x00" * 8,
            "garbage": whole + b"garbage",
            "two members": gzip.compress(plain[:9]) + gzip.compress(plain[9:]),
            "101 members": gzip.compress(b"") * 101,
            "nested": gzip.compress(whole),
            "bomb": gzip.compress(b" " * 50_000_000),
            "bomb of zeros": gzip.compress(b"\x00" * 50_000_000),
            "header only": whole[:10],
            "plain": plain,
            "raw": zlib.compress(plain)[2:-4],
        }[change]
        return Request(SUNBIRD, body, headers={"Content-Encoding": "gzip"})

    return build


COMPRESSION = [
    good("gzip", packed("gzip")),
    good("deflate", packed("deflate")),
    good("GZIP in upper case, with blanks", packed(" GZIP ")),
    good("identity", packed("identity")),
    good("gzip in two members", gzipped("two members")),
    bad("gzip in 101 members", gzipped("101 members"), 400, "bad_compression"),
    bad("gzip, cut off", gzipped("cut off"), 400, "bad_compression"),
    bad("gzip, its header only", gzipped("header only"), 400, "bad_compression"),
    bad("gzip with a bad checksum", gzipped("checksum"), 400, "bad_compression"),
    bad("gzip with garbage behind it", gzipped("garbage"), 400, "bad_compression"),
    bad("gzip said, nothing compressed", gzipped("plain"), 400, "bad_compression"),
    bad("gzip said, raw deflate sent", gzipped("raw"), 400, "bad_compression"),
    bad("gzip said, an empty body", packed("gzip", b""), 400, "bad_json"),
    bad("gzip in gzip, said once", gzipped("nested"), 400, "bad_json"),
    bad("gzip in gzip, said twice", packed("gzip, gzip", b""), 415, "unsupported_encoding"),
    bad("a bomb of 50 MB in 50 kB", gzipped("bomb"), 413, "too_large"),
    bad("a bomb of zeros", gzipped("bomb of zeros"), 413, "too_large"),
    bad("gzip that nobody speaks of", body(SUNBIRD, gzip.compress(b"{}")), 400, "bad_json"),
    *(
        bad(f"Content-Encoding {name}", packed(name), 415, "unsupported_encoding")
        for name in ("br", "zstd", "compress", "rot13", "é")
    ),
    bad("a body over 5 MiB", body(SUNBIRD, b" " * (5 * 2**20 + 1)), 413, "too_large"),
    bad("a message over 5 MiB", body(AVAILITY, b" " * (5 * 2**20 + 1)), 413, "too_large"),
    bad(
        "a bomb at Availity's path",
        body(AVAILITY, gzip.compress(b"a=" * 5_000_000), FORM, **{"Content-Encoding": "gzip"}),
        413,
        "too_large",
    ),
]

HEADERS = [
    good("a header of 64 kB", batch_as(**{"X-Odd": "x" * 65_536})),
    good("X-Device-ID of 10 kB", batch_as(**{"X-Device-ID": "x" * 10_000})),
    good("context headers that are no ASCII", batch_as(**{"X-Device-ID": "\xff\xfe", "X-App-ID": "\xe9"})),
    good("Origin that is none", batch_as(Origin="javascript:alert(1)")),
    good("Accept that nobody can serve", batch_as(Accept="image/png; q=broken")),
    good("Idempotency-Key of blanks", message_as(**{"Idempotency-Key": "   "}), 201),
    good("Idempotency-Key that is no ASCII", message_as(**{"Idempotency-Key": "\xe9\xff"}), 201),
    bad("Idempotency-Key of 513 characters", message_as(**{"Idempotency-Key": "x" * 513}), 400, "bad_length"),
    good("a cookie", batch_as(Cookie="sessionid=x; csrftoken=\xff")),
    good(
        "1,000 query parameters beside a batch",
        lambda: Request(SUNBIRD, _batch(), query="&".join(f"p{n}=1" for n in range(1_000))),
    ),
    good("query parameters beside a message", message_as(query="owner=Other&x=%00%ff"), 201),
    bad(
        "query parameters beside an emitted event",
        emitted_as(query="event.id=abcdefghij01"),
        400,
        "body_and_query",
    ),
    *(
        good(f"X-Forwarded-For {name}", batch_as(**{"X-Forwarded-For": value}))
        for name, value in {
            "of a list": "203.0.113.7, 10.0.0.1, 127.0.0.1",
            "of garbage": "unknown, _hidden, 999.1.1.1, ::zz",
            "of a private address": "192.168.1.1",
            "of the machine itself": "127.0.0.1",
            "with ports": "[2001:db8::1]:443, 203.0.113.7:80",
            "of 10 kB": "1.2.3.4, " * 1_100,
            "that is empty": "",
            "that is no ASCII": "\xff\xfe",
        }.items()
    ),
    *(
        good(f"a user agent {name}", batch_as(**{"User-Agent": value}))
        for name, value in {
            "that is empty": "",
            "of 10 kB": "Mozilla/5.0 " * 850,
            "of bytes": "\xff\xfe\x80",
            "with markup": "<script>alert(1)</script>",
            "with a look-up": "${jndi:ldap://x/a}",
        }.items()
    ),
]


def keyed(query: str = "", **headers: str) -> One:
    """Build a message with only these means of authentication; names in braces are replaced by keys."""
    return message_as(query=query, **{"X-API-Key": ""} | headers)


BASIC = "Basic " + b64encode(b"me:{secret}").decode()

KEYS = [
    bad("no key", keyed(), 401, "no_key"),
    bad("an empty Bearer", keyed(Authorization="Bearer "), 401, "no_key"),
    bad("a key of blanks", keyed(**{"X-API-Key": "   "}), 401, "no_key"),
    good("a key with blanks around it", keyed(**{"X-API-Key": "  {secret} "}), 201),
    good("the same key twice", keyed(Authorization="Bearer {secret}", **{"X-API-Key": "{secret}"}), 201),
    good("an empty Bearer beside a key", keyed(Authorization="Bearer", **{"X-API-Key": "{secret}"}), 201),
    bad(
        "two different keys",
        keyed(Authorization="Bearer {publishable}", **{"X-API-Key": "{secret}"}),
        401,
        "two_keys",
    ),
    bad(
        "a key in the URL and another in a header",
        keyed("key={publishable}", **{"X-API-Key": "{secret}"}),
        401,
        "two_keys",
    ),
    bad("two keys in the URL", keyed("key={publishable}&key={limited}"), 401, "two_keys"),
    good("a publishable key in the URL", keyed("key={publishable}"), 201),
    bad("a secret key in the URL", keyed("key={secret}"), 401, "secret_key_in_url"),
    bad("an empty key in the URL", keyed("key="), 401, "no_key"),
    bad("a key that expired", keyed(**{"X-API-Key": "{expired}"}), 401, "bad_key"),
    bad("a key that was revoked", keyed(**{"X-API-Key": "{revoked}"}), 401, "bad_key"),
    bad("a key with its last letter changed", keyed(**{"X-API-Key": "{secret}x"}), 401, "bad_key"),
    bad("a key of 10 kB", keyed(**{"X-API-Key": "x" * 10_000}), 401, "bad_key"),
    bad("a key that is no ASCII", keyed(**{"X-API-Key": "schl\xfcssel"}), 401, "bad_key"),
    bad(
        "a key that is no ASCII in the URL",
        keyed("key=" + quote("\udcff", errors="surrogateescape")),
        401,
        "bad_key",
    ),
    bad("a key with NUL in the URL", keyed("key=%00"), 401, "bad_key"),
    bad("SQL for a key", keyed(**{"X-API-Key": "' OR 1=1 --"}), 401, "bad_key"),
    bad("another scheme", keyed(Authorization="Digest x"), 401, "bad_scheme"),
    bad("a key without a scheme", keyed(Authorization="{secret}"), 401, "bad_scheme"),
    bad("Basic that is no base64", keyed(Authorization="Basic %%%"), 401, "bad_basic"),
    bad("Basic of another user", keyed(Authorization=BASIC), 401, "bad_basic"),
    bad(
        "a key that may not write for the owner",
        keyed(**{"X-API-Key": "{limited}"}),
        403,
        "owner_not_allowed",
        "owner",
    ),
    good("the key of another tenant, with an owner of the same name", keyed(**{"X-API-Key": "{other}"}), 201),
]

# Found by fuzzing; each once caused a 500 or lost an event.
FOUND = [
    good("a query name that is a byte of no UTF-8", query("&%80=1")),
    good("a query path below a known field, of no UTF-8", query("&event.detail.%ff.x=1")),
]
