"""Decoding: from the bytes of a request to a verdict on each of its events.

Pure: the same request gives the same verdicts, so the answer to the sender says what filing will do. Each
event is decoded, adapted by its dialect, and validated.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from events.identity import MILLISECOND, milliseconds, moment
from events.kinds import KINDS, KindEntry
from events.lib.settings_cache import cached_from_settings
from events.ownership.owner import fault_of as name_fault_of
from events.wire import values
from events.wire.columns import LATEST_MS
from events.wire.validators import Fault
from events.wire.values import Wire
from ingestion.dialects import jsontext

# Keys in the context of a request.
IDEMPOTENCY_KEY = "idempotency_key"
FIRST_SEEN = "first_seen"  # ISO 8601: when the idempotency key was first seen
OVER_QUOTA = "over_quota"  # the owner's setting, if its quota was used up
# Keys in the context of an import.
EVENT_ID = "event_id"  # the only event's, for one without an id of the sender
IDENTITY = "identity"  # the same, if it is imported for another owner and so gets another id
WIRE_BYTES = "wire_bytes"  # size of the only event when it was received
MAX_AGE = "max_age_days"  # how old events may be


class Refused(Exception):
    """The request as a whole is refused. Each dialect puts the reason into its own envelope."""

    def __init__(
        self, status: int, code: str, message: str, *, path: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.path = path
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Payload:
    """The stored part of a request that waits to be filed. It never has a credential or an address."""

    dialect: str
    encoding: str  # json, form, query, protobuf, ndjson
    body: bytes  # inflated
    received_at: datetime
    strict: bool
    context: dict[str, str]  # from headers and API key; applies to all events of the request


class RawEvent(NamedTuple):
    """One event of a request: its bytes and, if the dialect has decoded it already, its value."""

    raw: bytes
    event: Wire | Fault | None = None


@dataclass(slots=True)
class Accepted:
    """An event that will be filed."""

    index: int
    raw: bytes
    kind: KindEntry
    event: dict[str, Wire]  # as validated
    original: dict[str, Wire]  # as sent
    occurred_ms: int
    adaptations: list[str]
    absent: dict[str, Wire]  # top-level fields that mean a missing value, returned as sent


class Admitted(NamedTuple):
    """An accepted event, reduced to its id: decoded events take ten times the bytes of their batch."""

    client_event_id: str


@dataclass(slots=True)
class Rejected:
    """An event that is stored as rejected."""

    index: int
    raw: bytes
    fault: Fault
    kind: str = ""
    client_event_id: str = ""
    source: str = ""


Verdict = Admitted | Rejected  # as the sender is told


class Adapted(NamedTuple):
    """An event that its dialect has prepared for validation."""

    event: dict[str, Wire]
    adaptations: list[str]
    absent: dict[str, Wire]


class NamedOwner(NamedTuple):
    """The owner that a message names; empty if it names none."""

    name: str
    contact: str


@dataclass(frozen=True)
class Decoder:
    """The parts of decoding in which dialects differ."""

    name: str
    split: Callable[[Payload], list[RawEvent]]  # raises Refused if the body isn't of this dialect
    adapt: Callable[[dict[str, Wire], Payload], Adapted]
    kind_of: Callable[[dict[str, Wire]], str | Fault]  # the name of an existing kind
    occurred_ms: Callable[[dict[str, Wire], Payload], float]
    time_path: str  # empty if events have no time of their own
    source_path: tuple[str, ...]
    id_path: tuple[str, ...]
    owner_path: tuple[str, ...] = ()
    named_owner: Callable[[RawEvent], NamedOwner] | None = None  # if messages name their owner


@cached_from_settings
def max_events() -> int:
    """Return the largest number of events in a request."""
    most: int = settings.INGEST_MAX_EVENTS
    return most


@cached_from_settings
def _max_elements() -> int:
    """Return the largest number of keys and list items in a request."""
    most: int = settings.INGEST_MAX_BODY_ELEMENTS
    return most


def check_events(count: int) -> None:
    """Raise `Refused` (413) if a request has too many events."""
    if count > max_events():
        raise Refused(413, "too_many_events", f"More than {max_events():,} events; split the request.")


def check_elements(body: bytes) -> None:
    """Raise `Refused` (413) if the JSON of a request has too many keys and list items."""
    most = _max_elements()
    if jsontext.has_more_elements(body, most):
        raise Refused(
            413,
            "too_many_elements",
            f"The body has more than {most:,} keys and list items; split it.",
        )


def decode(payload: Payload, decoder: Decoder) -> list[Accepted | Rejected]:
    """Return the verdict on each event, in the order of the request."""
    return list(verdicts(decoder.split(payload), payload, decoder))


class _Bounds(NamedTuple):
    """The limits for all events of a request, whatever their kind."""

    limits: jsontext.Limits
    earliest: int  # ms since 1970
    latest: int


@cached_from_settings
def _time_limits() -> tuple[int, int]:
    """Return how long before and after its receipt an event may have occurred, in ms."""
    age, ahead = timedelta(days=max_age_days()), timedelta(hours=settings.EVENT_MAX_AHEAD_HOURS)
    return age // MILLISECOND, ahead // MILLISECOND


def max_age_days() -> int:
    """Return how old an event may be when it is received.

    That is never more than the retention period: an event that was removed could be stored again.
    """
    retained: int = settings.RETENTION_WEEKS * 7
    allowed: int = settings.EVENT_MAX_AGE_DAYS
    return min(allowed, retained) if retained else allowed


def verdicts(raw_events: list[RawEvent], payload: Payload, decoder: Decoder) -> Iterator[Accepted | Rejected]:
    """Decode, adapt and validate the events of a request."""
    received, (age, ahead) = milliseconds(payload.received_at), _time_limits()
    if days := payload.context.get(MAX_AGE):
        age = timedelta(days=int(days)) // MILLISECOND
    bounds = _Bounds(jsontext.limits(), received - age, received + ahead)
    for index, raw_event in enumerate(raw_events):
        yield _verdict(index, raw_event, payload, decoder, bounds)


def _verdict(
    index: int, raw_event: RawEvent, payload: Payload, decoder: Decoder, bounds: _Bounds
) -> Accepted | Rejected:
    raw = raw_event.raw
    original = _decode(raw_event, bounds.limits)
    if type(original) is Fault:
        glimpsed = None if original.code in jsontext.OUT_OF_BOUNDS else jsontext.glimpse(raw)
        return rejected(index, raw, original, glimpsed, decoder)
    if type(original) is not dict:
        return rejected(index, raw, Fault("wrong_type", "", "An event must be an object."), None, decoder)
    event, adaptations, absent = _adapt(original, raw_event, payload, decoder)
    name = decoder.kind_of(event)
    if isinstance(name, Fault):
        return rejected(index, raw, name, event, decoder)
    kind = KINDS[name]
    found = _validate(event, original, kind, payload, decoder, bounds)
    if isinstance(found, Fault):
        return rejected(index, raw, found, event, decoder)
    return Accepted(index, raw, kind, event, original, int(found), adaptations, absent)


def _decode(raw_event: RawEvent, limits: jsontext.Limits) -> Wire | Fault:
    """Return the value of an event within its bounds, or its fault."""
    raw = raw_event.raw
    if len(raw) > limits.bytes_:
        return jsontext.size_fault(raw, limits)
    # Encodings other than JSON are held to their number of keys and depth where they are decoded.
    if raw_event.event is not None:
        return raw_event.event
    return jsontext.shape_fault(raw, limits) or jsontext.decode(raw)


_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def _adapt(original: dict[str, Wire], raw_event: RawEvent, payload: Payload, decoder: Decoder) -> Adapted:
    """Adapt an event to its kind, and escape characters that PostgreSQL can't store."""
    adapted = decoder.adapt(original, payload)
    # JSON can contain NUL or a lone surrogate only as an escape; other encodings may have them unescaped.
    if raw_event.event is None and (b"\\" not in raw_event.raw or _ESCAPED.search(raw_event.raw) is None):
        return adapted
    event, adaptations, absent = adapted
    if not values.is_unstorable(event) and not (absent and values.is_unstorable(absent)):
        return adapted
    return Adapted(values.escape(event), [*adaptations, values.ESCAPED], absent and values.escape(absent))


def _validate(
    event: dict[str, Wire],
    original: dict[str, Wire],
    kind: KindEntry,
    payload: Payload,
    decoder: Decoder,
    bounds: _Bounds,
) -> float | Fault:
    """Return when a valid event occurred, in ms since 1970, or the first fault of an invalid one."""
    fault = kind.held(strict=payload.strict, encoding=payload.encoding).validator.fault_of(event)
    # Names as they were sent: an escaped NUL is no control character any more.
    fault = fault or _name_fault(original, decoder)
    if fault is not None:
        return fault
    occurred = decoder.occurred_ms(event, payload)
    # A message without a time of its own has ours, which is never wrong: a retry has that of the first.
    if bounds.earliest <= occurred <= bounds.latest or not decoder.time_path:
        return occurred
    return _time_fault(occurred, bounds, decoder.time_path)


def rejected(index: int, raw: bytes, fault: Fault, event: Wire, decoder: Decoder) -> Rejected:
    """Return a rejected event with the kind, id and source that its value has; None has nothing."""
    found = Rejected(index, raw, fault)
    if type(event) is dict:
        kind = decoder.kind_of(event)
        found.kind = kind if type(kind) is str else ""
        found.client_event_id = values.readable(text_at(event, decoder.id_path)[:512])
        found.source = _possible_name(text_at(event, decoder.source_path))
    return found


def _possible_name(name: str) -> str:
    """Return the name if a source can have it, else an empty text. Cut short, it would be another name."""
    return name if name and name_fault_of(name) is None else ""


def text_at(event: Wire, path: tuple[str, ...]) -> str:
    """Return the text at a path, or an empty text."""
    for key in path:
        if type(event) is not dict:
            return ""
        event = event.get(key)
    return event if type(event) is str else ""


def _name_fault(event: dict[str, Wire], decoder: Decoder) -> Fault | None:
    """Return the fault of a source or owner whose name is not allowed. An empty name counts as none."""
    for keys in (decoder.source_path, decoder.owner_path):
        name = text_at(event, keys) if keys else ""
        # Most names are printable and of ordinary length, which is cheap to test.
        if not name or (len(name) <= 100 and name.isprintable()) or not name.strip():
            continue
        if fault := name_fault_of(name):
            path = ".".join(keys)
            return Fault("bad_name", path, f"{path} {fault}.")
    return None


def _time_fault(occurred: float, bounds: _Bounds, path: str) -> Fault:
    when = f"{moment(int(occurred)):%Y-%m-%dT%H:%M:%SZ}" if 0 <= occurred <= LATEST_MS else "out of all range"
    if occurred < bounds.earliest:
        days = max_age_days()
        return Fault("too_old", path, f"{path} is {when}, more than {days} days before it was received.")
    hours = settings.EVENT_MAX_AHEAD_HOURS
    return Fault("too_far_ahead", path, f"{path} is {when}, more than {hours} hours after it was received.")
