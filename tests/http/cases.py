"""Valid and invalid requests as bytes, and how the server handles each."""

import gzip
import json
from collections.abc import Sequence
from typing import NamedTuple

from tests.sending import EMIT, emitted

KEY = "@key@"  # placeholder for the key, which is created later
PING = "/v1/telemetry/event:ping"
CHUNKED = "Transfer-Encoding: chunked"
FORM = "Content-Type: application/x-www-form-urlencoded"
GZIP = "Content-Encoding: gzip"
END = b"0\r\n\r\n"
LIMIT = 5 * 1024 * 1024
MIB = 1024 * 1024
BODY = json.dumps(emitted()).encode()
SIZE = len(BODY)
HIDDEN = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


def request(
    body: bytes = BODY,
    *headers: str,
    method: str = "POST",
    path: str = EMIT,
    version: str = "HTTP/1.1",
    host: Sequence[str] = ("Host: localhost",),
    length: bool = True,
) -> bytes:
    """Return a request with the key; `length` adds the correct Content-Length."""
    head = [f"{method} {path} {version}", *host, f"X-API-Key: {KEY}", *headers]
    if not any(header.startswith("Content-Type:") for header in headers):
        head.append("Content-Type: application/json")
    if length:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def claiming(length: object, *headers: str, body: bytes = BODY) -> bytes:
    """Return a request with the given Content-Length."""
    return request(body, f"Content-Length: {length}", *headers, length=False)


def chunks(*parts: bytes) -> bytes:
    """Encode parts as chunks, without the final empty chunk."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def chunked(coded: bytes, *headers: str) -> bytes:
    """Return a chunked request."""
    return request(coded, CHUNKED, *headers, length=False)


class Case(NamedTuple):
    """Bytes that a client sends on one connection, the responses, and the requests then in the inbox."""

    what: str
    sent: bytes
    answers: tuple[int, ...]
    stays: bool = True  # the connection stays open, and a valid request on it is answered
    filed: int = 0
    gone: bool = False  # the client closes its side after sending


LENGTHS = [
    Case("Content-Length too long, client gone in mid-body", claiming(SIZE + 9), (400,), False, gone=True),
    Case(
        "Content-Length too long for a form that looks complete",
        claiming(99, FORM, body=b"a=1"),
        (400,),
        False,
        gone=True,
    ),
    Case("Content-Length too short: the rest is taken for a request", claiming(SIZE - 5), (400, 400), False),
    Case("Content-Length negative", claiming(-1), (400,), False),
    Case("Content-Length not a number", claiming("many"), (400,), False),
    Case("Content-Length with a sign", claiming(f"+{SIZE}"), (400,), False),
    Case("Content-Length empty", claiming(""), (400,), False),
    Case("Content-Length of 24 digits", claiming("9" * 24), (400,), False),
    Case("Content-Length 2^64 - 1", claiming(2**64 - 1), (431,), False),
    Case("Content-Length 2^63 - 1", claiming(2**63 - 1), (413,), False),
    Case("Content-Length twice, equal", claiming(SIZE, f"Content-Length: {SIZE}"), (200,), filed=1),
    Case("Content-Length twice, different", claiming(SIZE, f"Content-Length: {SIZE - 3}"), (400,), False),
    Case("Content-Length as a list", claiming(f"{SIZE}, {SIZE}"), (400,), False),
    Case(
        "Content-Length before Transfer-Encoding, which takes precedence",
        chunked(chunks(BODY) + END, "Content-Length: 5"),
        (200,),
        False,
        1,
    ),
    Case(
        "Content-Length after Transfer-Encoding, which takes precedence",
        request(chunks(BODY) + END, CHUNKED, "Content-Length: 900", length=False),
        (200,),
        False,
        1,
    ),
    Case(
        "Space before the colon of Content-Length",
        request(BODY, f"Content-Length : {SIZE}", length=False),
        (400,),
        False,
    ),
]

CHUNKS = [
    Case("Chunked", chunked(chunks(BODY) + END), (200,), filed=1),
    Case("Chunks of one byte", chunked(chunks(*(bytes([one]) for one in BODY)) + END), (200,), filed=1),
    Case(
        "Chunk extensions and trailers",
        chunked(b'%x;a="b"\r\n%s\r\n0\r\nX-API-Key: other\r\n\r\n' % (SIZE, BODY)),
        (200,),
        filed=1,
    ),
    Case("Chunk size not a number", chunked(b"zz\r\nabc\r\n" + END), (400,), False),
    Case("Chunk size negative", chunked(b"-1\r\nabc\r\n" + END), (400,), False),
    Case("Chunk size over 64 bits", chunked(b"f" * 18 + b"\r\nabc\r\n" + END), (400,), False),
    Case("Chunk size huge, client gone", chunked(b"7fffffffffffffff\r\n{"), (400,), False, gone=True),
    Case("Chunk longer than its size", chunked(b"5\r\nabcdefgh\r\n" + END), (400,), False),
    Case("Second chunk's size is bad", chunked(chunks(BODY[:40]) + b"zz\r\n"), (400,), False),
    Case("Last chunk missing, client gone in mid-body", chunked(chunks(BODY[:40])), (400,), False, gone=True),
    Case(
        "Last chunk missing, client gone after the whole JSON",
        chunked(chunks(BODY)),
        (200,),
        False,
        1,
        gone=True,
    ),
    Case(
        "Chunked gzip, client gone in mid-body",
        chunked(chunks(gzip.compress(BODY)[:-9]), GZIP),
        (400,),
        False,
        gone=True,
    ),
    Case("Chunked gzip", chunked(chunks(gzip.compress(BODY)) + END, GZIP), (200,), filed=1),
    Case("Chunked form: its end can't be seen", chunked(chunks(b"a=1") + END, FORM), (411,)),
    Case(
        "Chunked protobuf: its end can't be seen",
        chunked(chunks(b"\x0a\x01a") + END, "Content-Type: application/x-protobuf"),
        (411,),
    ),
    Case(
        "Chunked protobuf as octets",
        chunked(chunks(b"\x0a\x01a") + END, "Content-Type: application/octet-stream"),
        (411,),
    ),
    Case(
        "Chunked in capital letters",
        request(chunks(BODY) + END, "Transfer-Encoding: CHUNKED", length=False),
        (200,),
        filed=1,
    ),
    Case(
        "Transfer-Encoding gzip, chunked: not decoded",
        request(chunks(gzip.compress(BODY)) + END, "Transfer-Encoding: gzip, chunked", length=False),
        (400,),
    ),
    Case(
        "Transfer-Encoding xchunked",
        request(chunks(BODY) + END, "Transfer-Encoding: xchunked", length=False),
        (400,),
        False,
    ),
    Case("Transfer-Encoding identity", request(BODY, "Transfer-Encoding: identity"), (400,), False),
    Case("Transfer-Encoding twice", chunked(chunks(BODY) + END, CHUNKED), (200,), filed=1),
    Case(
        "Chunked with HTTP/1.0",
        request(chunks(BODY) + END, CHUNKED, length=False, version="HTTP/1.0"),
        (400,),
        False,
    ),
]

SIZES = [
    Case("Body at the limit of 5 MiB", request(BODY.ljust(LIMIT)), (200,), filed=1),
    Case("Body over the limit by Content-Length", claiming(LIMIT + 1, body=b""), (413,), False),
    Case("Body over the limit in chunks", chunked(chunks(*[b" " * MIB] * 6)), (413,), False),
    Case("Gzip bomb, 1:1000", request(gzip.compress(b" " * 100 * MIB), GZIP), (413,)),
    Case("Gzip bomb in chunks", chunked(chunks(gzip.compress(b" " * 100 * MIB)) + END, GZIP), (413,)),
    Case("Header of 64 kB", request(BODY, "X-Long: " + "a" * 65_536), (200,), filed=1),
    Case("Headers of 1 MB", request(BODY, "X-Long: " + "a" * MIB), (431,), False),
    Case("200 headers", request(BODY, *(f"X-{index}: 1" for index in range(200))), (431,), False),
    Case(
        "1,000 query parameters",
        request(path=f"{EMIT}?" + "&".join(f"a{index}=1" for index in range(1_000))),
        (400,),
    ),
    Case("URL of 70 kB", request(path=f"{EMIT}?{'a' * 70_000}"), (414,), False),
]

LINES = [
    Case("Garbage", b"GARBAGE\r\n\r\n", (400,), False),
    Case("A TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (400,), False),
    Case("HTTP/2 without an upgrade", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (), False),
    Case("HTTP/9.9", request(version="HTTP/9.9"), (400,), False),
    Case("Two spaces in the request line", request(path=f" {EMIT}"), (400,), False),
    Case("NUL in the method", request(method="P\0ST"), (400,), False),
    Case("NUL in the path", request(path=f"{EMIT}\0"), (400,), False),
    Case("Non-ASCII bytes in the path", request(path="/\xff\xfe"), (400,), False),
    Case("Invalid UTF-8 in the path, escaped", request(path="/%ff%fe"), (404,)),
    Case("HTTP/1.0", request(version="HTTP/1.0"), (200,), False, 1),
    Case("HTTP/1.0 kept alive", request(BODY, "Connection: keep-alive", version="HTTP/1.0"), (200,), True, 1),
    Case("Host missing", request(host=()), (200,), filed=1),
    Case("Host twice", request(host=("Host: localhost", "Host: other")), (200,), filed=1),
    Case("Host invalid", request(host=("Host: a b/c",)), (200,), filed=1),
    Case("Absolute URL in the request line", request(path=f"http://other{EMIT}"), (200,), filed=1),
    Case("Lines that end in LF only", request().replace(b"\r\n", b"\n"), (200,), filed=1),
]

HEADERS = [
    Case("Non-ASCII bytes in a header", request(BODY, "X-Odd: \xff\xfe"), (200,), filed=1),
    Case("Non-ASCII bytes in the key", request().replace(KEY.encode(), b"\xff"), (401,)),
    Case("Control character in a header", request(BODY, "X-Odd: a\x01b"), (400,), False),
    Case("Folded header", request(BODY, "X-Odd: a\r\n b"), (400,), False),
    Case("Expect: 100-continue", request(BODY, "Expect: 100-continue"), (100, 200), filed=1),
    Case(
        "Expect: 100-continue with a bad key",
        request(BODY, "Expect: 100-continue").replace(KEY.encode(), b"junk"),
        (100, 401),
    ),
    Case("Expect: something else", request(BODY, "Expect: miracles"), (200,), filed=1),
    Case("Upgrade to HTTP/2", request(BODY, "Connection: Upgrade", "Upgrade: h2c"), (200,), filed=1),
]

METHODS = [
    *(
        Case(method, request(b"", method=method), (405,))
        for method in ("GET", "HEAD", "DELETE", "TRACE", "FROB")
    ),
    *(Case(f"{method} with a body", request(method=method), (405,)) for method in ("GET", "PUT", "PATCH")),
    Case("OPTIONS", request(b"", method="OPTIONS"), (204,)),
]

TURNS = [
    Case("A good request", request(), (200,), filed=1),
    Case(
        "Three in a row without waiting",
        request() + request(b"", path=PING) + request(),
        (200, 200, 200),
        filed=2,
    ),
    Case(
        "A bad key, then a good one",
        request().replace(KEY.encode(), b"junk") + request(),
        (401, 200),
        filed=1,
    ),
    Case("Invalid JSON, then a good one", request(b"{") + request(), (400, 200), filed=1),
    Case("Wrong path, then a good one", request(path="/nowhere") + request(), (404, 200), filed=1),
    Case("A good one, then garbage", request() + b"GARBAGE\r\n\r\n", (200, 400), False, 1),
    Case("A request hidden in a body that nobody reads", request(HIDDEN, path=PING), (200,)),
    Case("A request after a chunked body", chunked(chunks(BODY) + END) + request(), (200, 200), filed=2),
]

TABLES = {
    "Turns": TURNS,
    "Lengths": LENGTHS,
    "Chunks": CHUNKS,
    "Sizes": SIZES,
    "Request lines": LINES,
    "Headers": HEADERS,
    "Methods": METHODS,
}
CASES = [case for table in TABLES.values() for case in table]


def page() -> str:
    """Return the cases as a table for the documentation."""
    rows = ["| Sent | Answer | Connection | In the inbox |", "|---|---|---|---|"]
    for case in CASES:
        answers = ", ".join(map(str, case.answers)) or "none"
        rows.append(f"| {case.what} | {answers} | {'stays' if case.stays else 'closed'} | {case.filed} |")
    return "\n".join(rows)
