"""Sunbird Telemetry V3: a batch of events in a JSON envelope, answered in Sunbird's envelope.

Sources: V3 event details; answers as the SDK expects them: it retries any other than 2xx for ever.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from events.identity import milliseconds
from events.kinds import KINDS
from events.wire import typed
from events.wire.validators import Fault
from events.wire.values import FILLED, UNWRAPPED, Wire
from ingestion.dialects import decoding, jsontext
from ingestion.dialects.decoding import Adapted, Decoder, Payload, RawEvent, Refused, Rejected, Verdict

PATHS = (
    "v1/telemetry",
    "data/v1/telemetry",
    "api/data/v1/telemetry",
    "content/data/v1/telemetry",
    "data/v3/telemetry",
    "action/data/v3/telemetry",
)
ERRORS_SHOWN = 20  # of a batch, in the answer; the indexes are all there
# Header, context key in the inbox, and the path that it fills where an event lacks it.
CONTEXT = (
    ("HTTP_X_APP_ID", "pid", ("context", "pdata", "pid")),
    ("HTTP_X_DEVICE_ID", "did", ("context", "did")),
    ("HTTP_X_CHANNEL_ID", "channel", ("context", "channel")),
)
# Values of these headers that say nothing: for what an application leaves out, SDKs send JavaScript's words.
# A device's are kept, because filing warns of them (`placeholder_device`).
NOTHING = ("undefined", "null")


class _Params(msgspec.Struct):
    msgid: Wire = None


class _Head(msgspec.Struct):
    params: _Params | None = None
    ets: Wire = None
    ts: Wire = None


class Head(NamedTuple):
    """Id and time of sending of a batch."""

    message_id: str  # `params.msgid`, for the answer; "" where there is none
    sent: Wire  # `ets` or `ts`: when it was sent, as the sender wrote it


class _Batch(msgspec.Struct):
    events: list[msgspec.Raw]


_decode_head = typed.decoder(_Head)
_decode_batch = typed.decoder(_Batch)


def split(payload: Payload) -> list[RawEvent]:
    """Return the events of a batch. Raises `Refused` for a body that is not JSON or has no list of events."""
    return _cut(payload.body)


def head(body: bytes) -> Head:
    """Return the id and the time of sending of a batch."""
    try:
        found = _decode_head(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Head("", None)  # the slow path decodes it; the answer has no id then
    msgid = found.params.msgid if found.params else None
    return Head(msgid if type(msgid) is str else "", found.ts if found.ets is None else found.ets)


def context_of(meta: Mapping[str, str]) -> dict[str, str]:
    """Return what the headers of a batch say about its events."""
    return {
        key: value[:512]
        for header, key, _ in CONTEXT
        if (value := meta.get(header, "").strip()) and (key == "did" or value not in NOTHING)
    }


def _cut(body: bytes) -> list[RawEvent]:
    body = body.removeprefix(b"\xef\xbb\xbf")
    decoding.check_elements(body)
    try:
        batch = _decode_batch(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return _cut_slowly(body, str(error))
    decoding.check_events(len(batch.events))
    return [RawEvent(bytes(raw)) for raw in batch.events]


def _cut_slowly(body: bytes, reason: str) -> list[RawEvent]:
    """Cut a body that a strict decoder refuses as a whole, perhaps because of one event."""
    if (found := _cut_mended(body)) is not None:
        return found
    cut = jsontext.split_list(body, b"events", decoding.max_events())
    if cut:
        decoding.check_events(len(cut[1]))
    shell = jsontext.decode(cut[0] if cut else body)
    if type(shell) is Fault:
        # Without its events, positions in it aren't those of the body.
        whole = jsontext.decode(body) if cut else shell
        is_syntax = type(whole) is Fault and whole.code == "bad_json"
        raise Refused(400, "bad_json", whole.message if is_syntax else f"The body is not JSON: {reason}.")
    if cut is None or type(shell) is not dict:
        raise Refused(400, "no_events", "The body must be an object with a list `events`.", path="events")
    limits = jsontext.limits()
    raw_events = []
    for index, item in enumerate(cut[1]):
        value = jsontext.bound_fault(item, limits) or jsontext.decode(item)
        fault = value if type(value) is Fault else None
        if fault and fault.code == "bad_json":
            raise Refused(400, "bad_json", f"The body is not JSON, at event {index}: {fault.message}")
        raw_events.append(RawEvent(item, fault))
    return raw_events


def _cut_mended(body: bytes) -> list[RawEvent] | None:
    """Cut a body that is JSON but for NaN, Infinity and lone surrogates; None for any other.

    Ten times as fast as the general way.
    """
    mended, begins = jsontext.mend(body), jsontext.list_begins(body, b"events")
    if mended == body or not begins:
        return None
    try:
        items = _decode_batch(mended).events
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    decoding.check_events(len(items))
    raw_events, at = [], begins
    for item in items:
        text = bytes(item)
        # Only blanks and a comma are before it, and no item begins with these.
        begin = mended.find(text, at)
        if begin < 0 or body[at:begin].strip(b" \t\r\n,"):
            return None  # of another list of that name
        at = begin + len(text)
        raw_events.append(RawEvent(body[begin:at]))
    is_whole = type(jsontext.decode(body[:begins] + body[at:])) is not Fault
    return raw_events if is_whole else None


def adapt(event: dict[str, Wire], payload: Payload) -> Adapted:
    """Fill in what headers say about the whole batch; unwrap an edata that contains only another edata."""
    adaptations: list[str] = []
    for _, key, path in CONTEXT if payload.context else ():
        if value := payload.context.get(key):
            filled = _filled(event, path, value)
            if filled is not None:
                event = filled
                adaptations.append(FILLED + ".".join(path))
    edata = event.get("edata")
    if not payload.strict and type(edata) is dict and len(edata) == 1 and type(edata.get("edata")) is dict:
        event = {**event, "edata": edata["edata"]}
        adaptations.append(UNWRAPPED)
    return Adapted(event, adaptations, {})


def _filled(event: dict[str, Wire], path: tuple[str, ...], value: str) -> dict[str, Wire] | None:
    """Return a copy of the event with `value` at `path`; None if something is there or in the way."""
    key, *below = path
    found = event.get(key)
    if not below:
        return {**event, key: value} if key not in event else None
    if found is None and key not in event:
        found = {}
    if type(found) is not dict:
        return None
    inner = _filled(found, tuple(below), value)
    return None if inner is None else {**event, key: inner}


_EIDS = {
    entry.schema.kind.upper(): entry.name for entry in KINDS.values() if entry.schema.dialect == "sunbird"
}


def kind_of(event: dict[str, Wire]) -> str | Fault:
    """Return the kind that `eid` names in upper case."""
    eid = event.get("eid")
    if type(eid) is not str:
        code = "missing" if "eid" not in event else "wrong_type"
        return Fault(code, "eid", "eid is required and must be text.")
    kind = _EIDS.get(eid)
    if kind is not None:
        return kind
    hint = f" Did you mean {eid.upper()}?" if eid.upper() in _EIDS else ""
    return Fault("unknown_kind", "eid", f"{eid!r:.60} is not an event of Telemetry V3.{hint}")


def occurred_ms(event: dict[str, Wire], _: Payload) -> float:
    """`ets`, a number or a numeric string."""
    ets = event["ets"]
    return float(ets) if type(ets) is str else ets


DECODER = Decoder(
    name="sunbird",
    split=split,
    adapt=adapt,
    kind_of=kind_of,
    occurred_ms=occurred_ms,
    time_path="ets",
    source_path=("context", "pdata", "id"),
    id_path=("mid",),
)


def answer(verdicts: Sequence[Verdict], msgid: str, now: datetime) -> dict[str, Wire]:
    """Return the answer to a batch, with the reason for each rejected event."""
    rejected = [verdict for verdict in verdicts if isinstance(verdict, Rejected)]
    return _envelope(now, msgid, "successful", "SUCCESS") | {
        "result": {
            "accepted": len(verdicts) - len(rejected),
            "rejected": len(rejected),
            "rejected_indexes": [verdict.index for verdict in rejected],
            "errors": [
                {
                    "index": verdict.index,
                    "mid": verdict.client_event_id,
                    "path": verdict.fault.path,
                    "code": verdict.fault.code,
                    "message": verdict.fault.message,
                }
                for verdict in rejected[:ERRORS_SHOWN]
            ],
        }
    }


def refusal(refused: Refused, msgid: str, now: datetime) -> dict[str, Wire]:
    """Return the answer to a request that is refused as a whole."""
    code = "SERVER_ERROR" if refused.status >= 500 else "CLIENT_ERROR"
    body = _envelope(now, msgid, "failed", code)
    body["params"] |= {"err": refused.code, "errmsg": refused.message}
    return body | {"result": {}}


def _envelope(now: datetime, msgid: str, status: str, code: str) -> dict[str, Wire]:
    return {
        "id": "api.telemetry",
        "ver": "1.0",
        "ets": milliseconds(now),
        "params": {"msgid": msgid, "status": status, "err": "", "errmsg": ""},
        "responseCode": code,
    }
