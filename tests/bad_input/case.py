"""A case of bad input, and builders for most cases."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.bad_input.exchange import FORM, JSON, NDJSON, Request
from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD, emitted, log_event, message, now_ms
from tests.wire import samples

One = Callable[[], Request]
Build = Callable[[], Request | list[Request]]
_HERE = "<here>"


@dataclass(frozen=True)
class Kept:
    """Events filed from a case's requests: stored, duplicates, rejected."""

    stored: int = 0
    duplicates: int = 0
    rejected: int = 0


NOTHING = Kept()


@dataclass(frozen=True)
class Case:
    """Input that somebody will send one day, the response to it, and what is kept of it.

    `code` and `path` belong to the refusal or to the first event listed in the response; `rejected` has the
    indexes of all listed events. Requests are built when the case is run, since their times must be current.
    """

    name: str
    build: Build
    status: int
    code: str = ""
    path: str = ""
    rejected: tuple[int, ...] = ()
    kept: Kept = NOTHING
    settings: dict[str, Any] = field(default_factory=dict)


def bad(name: str, build: Build, status: int, code: str, path: str = "", **more: Any) -> Case:
    """Return a case that is refused as a whole. Nothing of it is kept unless `more` says otherwise."""
    return Case(name, build, status, code, path, **more)


def good(name: str, build: Build, status: int = 200, kept: Kept = Kept(stored=1), **more: Any) -> Case:
    """Return a case that is accepted."""
    return Case(name, build, status, kept=kept, **more)


def kept_as_rejected(name: str, build: Build, code: str, path: str = "", **more: Any) -> Case:
    """Return a case of a single message that is answered with 400 and kept as a rejected event."""
    return Case(name, build, 400, code, path, kept=Kept(rejected=1), **more)


def among(name: str, event: Callable[[], bytes], code: str, path: str = "") -> Case:
    """Return a case of a V3 event that is rejected between two valid ones, which are stored."""
    return Case(name, lambda: batch(_good(1), event(), _good(2)), 200, code, path, (1,), Kept(2, 0, 1))


def kept_among(name: str, event: Callable[[], bytes]) -> Case:
    """Return a case of an odd V3 event that is stored together with its valid neighbours."""
    return Case(name, lambda: batch(_good(1), event(), _good(2)), 200, kept=Kept(3))


def _good(number: int) -> bytes:
    return json.dumps(log_event(f"good:{number}")).encode()


def batch(*events: bytes, **headers: str) -> Request:
    """Build a V3 batch of events given as JSON."""
    return Request(SUNBIRD, b'{"events":[' + b",".join(events) + b"]}", headers=headers)


def spliced(event: Any, path: str, raw: bytes) -> bytes:
    """Return the JSON of an event with the given bytes as value at `path`."""
    text = json.dumps(samples.with_value(event, path, _HERE)).encode()
    return text.replace(json.dumps(_HERE).encode(), raw)


def v3(path: str, raw: bytes, mid: str = "odd") -> Callable[[], bytes]:
    """Build a V3 event with `raw` at `path`."""
    return lambda: spliced(log_event(mid), path, raw)


def availity(path: str, raw: bytes) -> One:
    """Build an Availity message with `raw` at `path`."""
    return lambda: Request(AVAILITY, spliced(message(), path, raw))


def buildless(path: str, raw: bytes) -> One:
    """Build a Buildless event with `raw` at `path`."""
    return lambda: Request(EMIT, spliced(emitted(), path, raw))


def form(extra: str = "", **headers: str) -> One:
    """Build the smallest accepted form, followed by `extra`."""
    least = "source_system=portal&contact=a@b.c&version=v1&telemetryBody.level=info"
    return lambda: Request(AVAILITY, f"{least}{extra}".encode(), FORM, headers)


def query(extra: str = "", **changes: str) -> One:
    """Build the smallest accepted query, with `changes`, followed by `extra`."""

    def build() -> Request:
        least = {"event.id": "abcdefghij01", "event.timing.occurred": str(now_ms())} | changes
        return Request(EMIT, query=urlencode(least) + extra)

    return build


def stream(*lines: bytes, end: bytes = b"\n") -> One:
    """Build a stream of lines; `GOOD` is replaced by a valid event."""

    def build() -> Request:
        made = [
            json.dumps(emitted(f"goodline{number:06}")).encode() if line == GOOD else line
            for number, line in enumerate(lines)
        ]
        return Request(STREAM, end.join(made), NDJSON)

    return build


GOOD = b"<good>"


def body(path: str, content: bytes, content_type: str = JSON, **headers: str) -> One:
    """Build a request with any body."""
    return lambda: Request(path, content, content_type, headers)
