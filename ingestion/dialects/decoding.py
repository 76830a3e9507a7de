"""Decoding: from what is kept of a request to a verdict for each of its events. Pure: the same parts give the
same verdicts, so the view can answer with what the drain will do.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings

from events.identity import MILLISECOND, milliseconds, moment
from events.kinds import KINDS, KindEntry
from events.lib.settings_cache import cached_from_settings
from events.ownership.owner import fault_of as name_fault_of
from events.wire import values
from events.wire.columns import LATEST_MS
from events.wire.validators import Fault
from ingestion.dialects import jsontext

Wire = Any
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


# Keys of what is kept of a request beside its body.
IDEMPOTENCY_KEY = "idempotency_key"
FIRST_SEEN = "first_seen"  # ISO 8601: when the idempotency key was first seen

OVER_QUOTA = "over_quota"  # the owner's setting, where its quota was used up


@dataclass(frozen=True, slots=True)
class Parts:
    """What is kept of a request: nothing of it ever holds a credential or an address."""

    dialect: str
    encoding: str  # json, form, query, protobuf, ndjson
    body: bytes  # inflated
    received_at: datetime
    strict: bool
    context: dict[str, str]  # what headers and key say of all events of the request


class Slice(NamedTuple):
    """One event of a request: its bytes, and its value where the dialect has decoded it already."""

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
    absent: dict[str, Wire]  # top-level fields that stand for nothing, given back as sent


class Admitted(NamedTuple):
    """What the answer needs of an accepted event: decoded, the events of a batch take ten times its bytes."""

    client_event_id: str


@dataclass(slots=True)
class Rejected:
    """An event that will be kept as rejected."""

    index: int
    raw: bytes
    fault: Fault
    kind: str = ""
    client_event_id: str = ""
    source: str = ""


Verdict = Admitted | Rejected  # as the sender hears it


class Adapted(NamedTuple):
    """An event made ready for validation by its dialect."""

    event: dict[str, Wire]
    adaptations: list[str]
    absent: dict[str, Wire]


@dataclass(frozen=True)
class Reading:
    """How a dialect reads requests: the parts of decoding that differ."""

    name: str
    split: Callable[[Parts], list[Slice]]  # raises Refused where the request is no batch of this dialect
    adapt: Callable[[dict[str, Wire], Parts], Adapted]
    kind_of: Callable[[dict[str, Wire]], str | Fault]  # the name of a kind that there is
    occurred_ms: Callable[[dict[str, Wire], Parts], float]
    time_path: str  # empty where events bear no time of their own
    source_path: tuple[str, ...]
    id_path: tuple[str, ...]
    owner_path: tuple[str, ...] = ()
    named_owner: "Callable[[Slice], NamedOwner] | None" = None  # where messages say whose they are


class NamedOwner(NamedTuple):
    """Whose a message says it is; empty where it says nothing."""

    name: str
    contact: str


def decode(parts: Parts, reading: Reading) -> list[Accepted | Rejected]:
    """The verdict on each event, in the order of the request."""
    return list(verdicts(reading.split(parts), parts, reading))


class _Bounds(NamedTuple):
    """What all events of a request are held to, whatever their kind."""

    limits: jsontext.Limits
    earliest: int  # ms since 1970
    latest: int


@cached_from_settings
def _reach() -> tuple[int, int]:
    """How far back and ahead of its receipt an event may have occurred, in ms."""
    age, ahead = timedelta(days=max_age_days()), timedelta(hours=settings.EVENT_MAX_AHEAD_HOURS)
    return age // MILLISECOND, ahead // MILLISECOND


def max_age_days() -> int:
    """How old an event may be at its receipt: never older than is kept, or it came again once removed."""
    kept: int = settings.RETENTION_WEEKS * 7
    allowed: int = settings.EVENT_MAX_AGE_DAYS
    return min(allowed, kept) if kept else allowed


def verdicts(slices: list[Slice], parts: Parts, reading: Reading) -> Iterator[Accepted | Rejected]:
    """Judge the events of a request that is already cut into slices."""
    received, (age, ahead) = milliseconds(parts.received_at), _reach()
    bounds = _Bounds(jsontext.limits(), received - age, received + ahead)
    for index, piece in enumerate(slices):
        yield _judge(index, piece, parts, reading, bounds)


def _judge(index: int, piece: Slice, parts: Parts, reading: Reading, bounds: _Bounds) -> Accepted | Rejected:
    raw = piece.raw
    # Other encodings than JSON are held to keys and depth where they are decoded.
    found: Wire = jsontext.size_fault(raw, bounds.limits)
    if found is None:
        found = piece.event
    if found is None:
        found = jsontext.shape_fault(raw, bounds.limits) or jsontext.decode(raw)
    if type(found) is Fault:
        glimpsed = None if found.code in jsontext.OUT_OF_BOUNDS else jsontext.glimpse(raw)
        return rejected(index, raw, found, glimpsed, reading)
    if type(found) is not dict:
        return rejected(index, raw, Fault("wrong_type", "", "An event must be an object."), None, reading)
    original: dict[str, Wire] = found
    event, adaptations, absent = reading.adapt(original, parts)
    # Only an escape can bring NUL or a lone surrogate into JSON text; other encodings may have them bare.
    suspect = piece.event is not None or (b"\\" in raw and _SUSPECT.search(raw) is not None)
    if suspect and (values.is_unstorable(event) or (absent and values.is_unstorable(absent))):
        event, absent = values.escape(event), absent and values.escape(absent)
        adaptations = [*adaptations, values.ESCAPED]
    name = reading.kind_of(event)
    if isinstance(name, Fault):
        return rejected(index, raw, name, event, reading)
    kind = KINDS[name]
    fault = kind.held(strict=parts.strict, encoding=parts.encoding).validator.fault_of(event)
    # As they were sent: an escaped NUL is no control character any more.
    fault = fault or _name_fault(original, reading)
    if fault is None:
        occurred = reading.occurred_ms(event, parts)
        # A message without a time of its own has ours, which is never wrong: a retry has that of the first.
        fault = _time_fault(occurred, bounds, reading.time_path) if reading.time_path else None
        if fault is None:
            return Accepted(index, raw, kind, event, original, int(occurred), adaptations, absent)
    return rejected(index, raw, fault, event, reading)


def rejected(index: int, raw: bytes, fault: Fault, event: Wire, reading: Reading) -> Rejected:
    """Return a rejected event with its kind, id and source as far as its value (None: nothing) has them."""
    found = Rejected(index, raw, fault)
    if type(event) is dict:
        kind = reading.kind_of(event)
        found.kind = kind if type(kind) is str else ""
        found.client_event_id = values.readable(text_at(event, reading.id_path)[:512])
        found.source = _possible_name(text_at(event, reading.source_path))
    return found


def _possible_name(name: str) -> str:
    """Return the name if a source can have it, else an empty text: cut short, it would be another name."""
    return name if name and name_fault_of(name) is None else ""


def text_at(event: Wire, path: tuple[str, ...]) -> str:
    """The text at a path, "" where there is none."""
    for key in path:
        if type(event) is not dict:
            return ""
        event = event.get(key)
    return event if type(event) is str else ""


def _name_fault(event: dict[str, Wire], reading: Reading) -> Fault | None:
    """The fault of a source or an owner with a name that neither can have; an empty one names none."""
    for keys in (reading.source_path, reading.owner_path):
        name = text_at(event, keys) if keys else ""
        # Printable names of ordinary length are most of all names, and cheap to know.
        if not name or (len(name) <= 100 and name.isprintable()) or not name.strip():
            continue
        if fault := name_fault_of(name):
            path = ".".join(keys)
            return Fault("bad_name", path, f"{path} {fault}.")
    return None


def _time_fault(occurred: float, bounds: _Bounds, path: str) -> Fault | None:
    if bounds.earliest <= occurred <= bounds.latest:
        return None
    when = f"{moment(int(occurred)):%Y-%m-%dT%H:%M:%SZ}" if 0 <= occurred <= LATEST_MS else "out of all range"
    if occurred < bounds.earliest:
        days = max_age_days()
        return Fault("too_old", path, f"{path} is {when}, more than {days} days before it was received.")
    hours = settings.EVENT_MAX_AHEAD_HOURS
    return Fault("too_far_ahead", path, f"{path} is {when}, more than {hours} hours after it was received.")
