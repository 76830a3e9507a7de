"""Availity telemetry: one message per request, as nested JSON or as the flattened form of the real client."""

import re
from datetime import datetime

from events.identity import milliseconds
from events.wire.validators import Fault
from events.wire.values import FILLED, Wire
from ingestion.dialects import jsontext
from ingestion.dialects.decoding import FIRST_SEEN, Adapted, Decoder, NamedOwner, Payload, RawEvent, Refused

PATHS = (
    "ms/api/availity/internal/pui/key-delivery/v1/telemetry",
    "ms/api/availity/internal/spc/analytics/telemetry",
)
FORM = "application/x-www-form-urlencoded"
_NOTHING = {"null", "undefined"}  # JavaScript's missing values in a form


def encoding_of(content_type: str, body: bytes) -> str:
    """`json` or `form`. Raises `Refused` for what is neither."""
    if content_type.startswith("multipart/"):
        raise Refused(415, "unsupported_type", "multipart is not supported; send JSON or a form.")
    if body.lstrip(b" \t\r\n\xef\xbb\xbf").startswith((b"{", b"[")):
        return "json"
    return "form" if content_type == FORM else "json"


def split(payload: Payload) -> list[RawEvent]:
    """Return the one message. Raises `Refused` for a body that is neither JSON nor a form."""
    if payload.encoding == "form":
        return [
            RawEvent(payload.body, jsontext.size_fault(payload.body, jsontext.limits()) or form(payload.body))
        ]
    body = payload.body.removeprefix(b"\xef\xbb\xbf").strip()
    value = jsontext.bound_fault(body, jsontext.limits()) or jsontext.decode(body)
    if type(value) is Fault and value.code in ("bad_json", "bad_utf8"):
        raise Refused(400, value.code, value.message)
    if type(value) is not Fault and type(value) is not dict:
        raise Refused(400, "wrong_type", "The body must be a JSON object.")
    return [RawEvent(body)]


def unquoted(text: str) -> str:
    """Undo the encoding of forms; bytes that are not UTF-8 become lone surrogates.

    `urllib` makes two objects of each escape: 70 MB of a megabyte of them.
    """
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    plain = _ESCAPES.sub(lambda run: bytes.fromhex(run[0].replace(b"%", b"").decode()), text.encode())
    return plain.decode("utf-8", "surrogateescape")


_ESCAPES = re.compile(rb"(?:%[0-9a-fA-F]{2})++")


def form(body: bytes) -> dict[str, Wire] | Fault:
    """Return a flattened form as nested JSON: dotted names are paths, `x[]` is a list, values are text."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return Fault("bad_utf8", "", f"Byte {error.start} is not UTF-8.")
    event: dict[str, Wire] = {}
    limits = jsontext.limits()
    if text.count("&") >= limits.keys:
        return Fault("too_many_keys", "", f"The form has more than {limits.keys:,} fields.")
    elements = 0
    for pair in text.split("&"):
        if not pair.strip():
            continue
        name, _, value = pair.partition("=")
        keys = unquoted(name).strip().split(".")
        if len(keys) > limits.depth:
            return Fault("too_deep", "", f"A name has more than {limits.depth} levels.")
        elements += len(keys)
        if elements > limits.elements:
            return jsontext.too_many_elements(limits)
        _place(event, keys, unquoted(value))
    return event


def _place(event: dict[str, Wire], keys: list[str], value: str) -> None:
    """Put a value at its path. If another value is in the way, the rest of the name becomes one key."""
    place = event
    for index, key in enumerate(keys[:-1]):
        below = _below(place, key, keys[index + 1 :])
        if below is None:
            keys = [".".join(keys[index:])]
            break
        place = below
    last = keys[-1]
    if last.endswith("[]"):
        items = place.setdefault(last[:-2], [])
        if type(items) is list:
            items.append(value)
            return
    place[last] = value


def _below(place: dict[str, Wire], key: str, rest: list[str]) -> dict[str, Wire] | None:
    """Return the object at `key` that the rest of a path continues in; None if something else is there.

    The client writes the objects of a list one after the other without their index (`x[].a=1&x[].a=2`): a
    name that the last object has begins the next.
    """
    if not key.endswith("[]"):
        below = place.setdefault(key, {})
        return below if type(below) is dict else None
    items = place.setdefault(key[:-2], [])
    if type(items) is not list:
        return None
    if not items or type(items[-1]) is not dict or _is_taken(items[-1], rest):
        items.append({})
    found: dict[str, Wire] = items[-1]
    return found


def _is_taken(place: dict[str, Wire], path: list[str]) -> bool:
    """True if a value is at a path or in its way. A list on the path takes more items."""
    for key in path[:-1]:
        below = place.get(key)
        if below is None or key.endswith("[]"):
            return False
        if type(below) is not dict:
            return True
        place = below
    return path[-1] in place


def adapt(event: dict[str, Wire], payload: Payload) -> Adapted:
    """Take JavaScript's words for nothing as absent in a form; note where the key's owner is filled in."""
    absent: dict[str, Wire] = {}
    if payload.encoding == "form":
        absent = {key: value for key, value in event.items() if type(value) is str and value in _NOTHING}
        if absent:
            event = {key: value for key, value in event.items() if key not in absent}
    named = "owner" in event or "owner" in absent
    return Adapted(event, [] if named else [FILLED + "owner"], absent)


def named_owner(raw_event: RawEvent) -> NamedOwner:
    """Return the owner and the contact that a message names."""
    is_form = raw_event.event is not None
    message = raw_event.event if is_form else jsontext.decode(raw_event.raw)
    if type(message) is not dict:
        return NamedOwner("", "")
    owner, contact = message.get("owner"), message.get("contact")
    return NamedOwner(
        name=owner.strip() if isinstance(owner, str) and not (is_form and owner in _NOTHING) else "",
        contact=contact if isinstance(contact, str) else "",
    )


def kind_of(_: dict[str, Wire]) -> str | Fault:
    """Return the one kind of message."""
    return "ui_action"


def occurred_ms(_: dict[str, Wire], payload: Payload) -> float:
    """Return the time of receipt, or of the first one for a repeat, since messages have no time."""
    first_seen = payload.context.get(FIRST_SEEN)
    return milliseconds(datetime.fromisoformat(first_seen) if first_seen else payload.received_at)


DECODER = Decoder(
    name="availity",
    split=split,
    adapt=adapt,
    kind_of=kind_of,
    occurred_ms=occurred_ms,
    time_path="",
    source_path=("source_system",),
    id_path=(),
    owner_path=("owner",),
    named_owner=named_owner,
)
