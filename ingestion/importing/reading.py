"""Files of events, read one line at a time: lines of an export, V3 batches, and single V3 events.

A file that isn't one JSON value per line is read as one batch. Compressed files are known by their content.
"""

import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import msgspec

from events.wire.typed import decoder
from events.wire.values import FILLED
from ingestion.dialects import sunbird
from ingestion.dialects.decoders import DECODERS
from ingestion.dialects.decoding import EVENT_ID, FIRST_SEEN, IDENTITY, MAX_AGE, Payload

GZIP = b"\x1f\x8b"
LARGEST = 64 * 1024 * 1024  # bytes of a line or of a file that is one batch
FACTS = frozenset(
    {
        *("address_hash", "country", "region", "locality", "latitude", "longitude", "timezone", "dma"),
        *("edge", "clock_skew_ms", "user_agent", "tenant", "user", "sid", "idempotency_key", "over_quota"),
        "wire_bytes",
    }
)
_HEADERS = {FILLED + ".".join(path): key for _, key, path in sunbird.CONTEXT}


class Unreadable(ValueError):
    """A line isn't what an import can read."""


class Read(NamedTuple):
    """A line of a file, as a request that can be filed. `owner` is empty where the line names none."""

    line: int
    number: int  # in place of the request's number in the inbox; the same at each import
    owner: str
    payload: Payload


class _Line(msgspec.Struct):
    id: Any = None
    owner: Any = None
    dialect: Any = None
    occurred_at: Any = None
    received_at: Any = None
    request: Any = None
    wire: msgspec.Raw = msgspec.Raw()
    events: msgspec.Raw = msgspec.Raw()
    eid: Any = None


RAW = frozenset({"wire", "events"})
_decode = decoder(_Line)


class Options(NamedTuple):
    """Options of an import."""

    now: datetime
    keep_ids: bool = True  # of events without an id of their own
    max_age_days: int | None = None


def opened(path: Path) -> tuple[IO[bytes], IO[bytes]]:
    """Open a file; return its content, inflated if it is compressed, and the file itself. Raises OSError."""
    raw = path.open("rb")
    if raw.read(2) == GZIP:
        raw.seek(0)
        return BufferedReader(cast(Any, gzip.GzipFile(fileobj=raw))), raw
    raw.seek(0)
    return raw, raw


def requests_in(file: IO[bytes], options: Options) -> Iterator[Read]:
    """Yield the requests in a file. Raises `Unreadable` with the number of the line, or OSError."""
    number = 0
    while text := file.readline(LARGEST + 1):
        number += 1
        if len(text) > LARGEST:
            raise Unreadable(f"Line {number} is longer than {LARGEST:,} bytes.")
        text = text.removeprefix(b"\xef\xbb\xbf").strip()
        if not text:
            continue
        try:
            line = _parsed(text)
        except ValueError as error:
            if number > 1:
                raise Unreadable(f"Line {number} is not JSON: {error}") from error
            yield _whole(text + b"\n" + file.read(LARGEST + 1), options)
            return
        yield _read(number, line, text, options)


def _whole(text: bytes, options: Options) -> Read:
    """Return a file of several lines as one batch."""
    if len(text) > LARGEST:
        raise Unreadable(f"The file is one JSON value of more than {LARGEST:,} bytes. Write one per line.")
    try:
        return _read(1, _parsed(text), text, options)
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable(f"The file is neither JSON nor lines of JSON: {error}") from error


def _parsed(text: bytes) -> _Line:
    try:
        return _decode(text)
    except ValueError:  # NaN, Infinity and lone surrogates, which events may have
        value = json.loads(text)
        if type(value) is not dict:
            return _Line()
        found: dict[str, Any] = {name: value[name] for name in _Line.__struct_fields__ if name in value}
        for name in RAW.intersection(found):
            found[name] = msgspec.Raw(json.dumps(found[name]).encode())
        return _Line(**found)


def _read(number: int, line: _Line, text: bytes, options: Options) -> Read:
    if line.wire:
        return _exported(number, line, options)
    if line.events:
        body = text
    elif line.eid is not None:
        body = b'{"events":[' + text + b"]}"
    else:
        raise Unreadable(
            f"Line {number} has neither `wire`, as exported events, nor `events` or `eid`, as Telemetry V3."
        )
    payload = Payload("sunbird", "json", body, options.now, False, _context({}, options))
    return Read(number, _number_of(body), "", payload)


def _exported(number: int, line: _Line, options: Options) -> Read:
    texts = {"id": line.id, "owner": line.owner, "dialect": line.dialect}
    if line.dialect not in DECODERS or not all(type(text) is str for text in texts.values()):
        raise Unreadable(f"Line {number} needs `id`, `owner` and `dialect`, as an export has them.")
    occurred, received = (
        _time(number, name, at)
        for name, at in (("occurred_at", line.occurred_at), ("received_at", line.received_at))
    )
    body = bytes(line.wire)
    if line.dialect == "sunbird":
        body = b'{"events":[' + body + b"]}"
    facts = line.request if type(line.request) is dict else {}
    context = {
        str(_HEADERS.get(name, name)): text
        for name, text in facts.items()
        if type(text) is str and (name in FACTS or name in _HEADERS)
    }
    context = _context(context, options)
    context[EVENT_ID if options.keep_ids else IDENTITY] = line.id
    if not DECODERS[line.dialect].time_path:
        context[FIRST_SEEN] = occurred.isoformat()
    payload = Payload(line.dialect, "json", body, received, False, context)
    return Read(number, _number_of(line.id.encode("utf-8", "replace")), line.owner, payload)


def _context(facts: dict[str, str], options: Options) -> dict[str, str]:
    age = options.max_age_days
    return facts | ({MAX_AGE: str(age)} if age is not None else {})


def _time(number: int, name: str, text: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Unreadable(f"Line {number}: `{name}` is no time with a zone.")
    return found


def _number_of(text: bytes) -> int:
    """Return a number below those of the inbox."""
    return -int.from_bytes(blake2b(text, digest_size=7).digest())
