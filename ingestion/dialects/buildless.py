"""Buildless telemetry: an event as JSON, query parameters or protobuf; a stream of events as JSON lines."""

import re
from hashlib import blake2b
from itertools import islice
from urllib.parse import unquote_to_bytes

from google.protobuf.message import Message

from events.wire.checks import SECONDS_BELOW
from events.wire.validators import Fault
from events.wire.values import Wire
from ingestion.dialects import buildless_pb2, decoding, jsontext, protojson
from ingestion.dialects.decoding import (
    Adapted,
    Admitted,
    Decoder,
    Payload,
    RawEvent,
    Refused,
    Rejected,
    Verdict,
)

_ID = re.compile("[A-Za-z0-9]{12,64}")  # as `event.id` must be
_LINE = re.compile(rb"[^\s][^\n]*")  # from its first character that is no blank
OCTETS = "application/octet-stream"  # protobuf unless it begins like JSON
PROTOBUF = {"application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf"}


def encoding_of(content_type: str, body: bytes, query: bytes) -> str:
    """`json`, `query` or `protobuf`. Raises `Refused` for what is none, or more than one."""
    has_parameters = bool(protojson.parameters(query))
    if not body:
        return "query"
    if has_parameters:
        raise Refused(
            400, "body_and_query", "An event is sent in the body or in query parameters, not in both."
        )
    if content_type in PROTOBUF or (content_type == OCTETS and not _begins_like_json(body)):
        return "protobuf"
    if content_type.startswith("multipart/"):
        raise Refused(415, "unsupported_type", "multipart is not supported; send JSON or protobuf.")
    return "json"


def _begins_like_json(body: bytes) -> bool:
    # An `Event` may begin with what is a blank in JSON, but letters follow.
    return body.lstrip(b" \t\r\n\xef\xbb\xbf").startswith((b"{", b"["))


def split(payload: Payload) -> list[RawEvent]:
    """Return the events of a request. Raises `Refused` for a body that can't be parsed."""
    body = payload.body
    if payload.encoding == "query":
        return [RawEvent(body, _query(body))]
    if payload.encoding == "protobuf":
        limits = jsontext.limits()
        fault = jsontext.size_fault(body, limits) or protojson.bound_fault(body, limits.keys)
        event = fault or protojson.from_protobuf(body)
        if event is None:
            raise Refused(400, "bad_protobuf", "The body is not a protobuf Event.")
        return [RawEvent(body, event)]
    if payload.encoding == "ndjson":
        return _lines(body)
    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    value = jsontext.bound_fault(body, jsontext.limits()) or jsontext.decode(body)
    if type(value) is Fault and value.code in ("bad_json", "bad_utf8"):
        raise Refused(400, value.code, value.message)
    return [RawEvent(body)]


def _lines(body: bytes) -> list[RawEvent]:
    """Return the lines that aren't blank. Raises `Refused` if they are too many or too large."""
    decoding.check_elements(body)
    most = decoding.max_events()
    lines = [RawEvent(found[0].rstrip()) for found in islice(_LINE.finditer(body), most + 1)]
    decoding.check_events(len(lines))
    return lines


def _query(query: bytes) -> dict[str, Wire] | Fault:
    """Return the event in query parameters, or the fault of their structure."""
    limits = jsontext.limits()
    if query.count(b"&") >= limits.keys:
        return Fault("too_many_keys", "", f"The event has more than {limits.keys:,} keys.")
    levels = [name.count(".") + 1 for name, _ in protojson.parameters(query)]
    if max(levels, default=0) > limits.depth:
        return Fault("too_deep", "", f"The event is nested deeper than {limits.depth} levels.")
    if sum(levels) > limits.elements:
        return jsontext.too_many_elements(limits)
    return protojson.from_query(query)


def adapt(event: dict[str, Wire], _: Payload) -> Adapted:
    """Return the event unchanged."""
    return Adapted(event, [], {})


def kind_of(_: dict[str, Wire]) -> str | Fault:
    """Return the one kind of event."""
    return "emitted_event"


def occurred_ms(event: dict[str, Wire], _: Payload) -> float:
    """`event.timing.occurred`: the unit isn't stated, so small numbers are seconds."""
    count = int(event["event"]["timing"]["occurred"])
    return count * 1000 if count < SECONDS_BELOW else count


DECODER = Decoder(
    name="buildless",
    split=split,
    adapt=adapt,
    kind_of=kind_of,
    occurred_ms=occurred_ms,
    time_path="event.timing.occurred",
    source_path=("event", "detail", "client", "agent", "name"),
    id_path=("event", "id"),
)


def stream_id(verdicts: list[Verdict]) -> str:
    """Return the id of a stream: a hash of its first event's id.

    A line without a valid id doesn't count, or unrelated streams would share one. If no line has any, nothing
    of the stream is stored now, and the lines themselves are its identity.
    """
    ids = (verdict.client_event_id for verdict in verdicts)
    first = next(filter(_ID.fullmatch, ids), None)
    digest = blake2b(digest_size=16)
    if first is not None:
        digest.update(first.encode())
    for verdict in verdicts if first is None else ():
        digest.update(verdict.raw + b"\n" if isinstance(verdict, Rejected) else b"\n")
    return digest.hexdigest()


def answer(verdict: Verdict, sid: str = "") -> dict[str, Wire]:
    """Return the answer to one event (`EventID`)."""
    body: dict[str, Wire] = {"ok": isinstance(verdict, Admitted), "eid": verdict.client_event_id}
    if sid:
        body["sid"] = sid
    if isinstance(verdict, Rejected):
        body["error"] = problem(verdict.fault.code, verdict.fault.path, verdict.fault.message)
    return body


def problem(code: str, path: str, message: str) -> dict[str, Wire]:
    """Return an error as in all answers of this dialect."""
    return {"code": code, "path": path, "message": message}


def to_protobuf(body: dict[str, Wire]) -> bytes:
    """Return an answer in binary."""
    error = body.get("error")
    message: Message = buildless_pb2.EventID(
        ok=body.get("ok", False),
        eid=body.get("eid", ""),
        sid=body.get("sid", ""),
        error=buildless_pb2.Problem(**error) if error else None,
    )
    return message.SerializeToString()


def without_key(query: bytes) -> bytes:
    """Return the query string without the key."""
    return b"&".join(
        pair for pair in query.split(b"&") if unquote_to_bytes(pair.partition(b"=")[0]) != b"key"
    )
