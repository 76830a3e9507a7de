"""Protobuf and query parameters as proto3 JSON, so that an event is the same in every encoding.

Written here and not left to protobuf's own JSON because unknown fields and the payload of an Any of unknown
type must be kept, and whole doubles must come out as JSON clients write them.
"""

from base64 import b64encode
from collections.abc import Callable
from math import isfinite, isnan
from typing import Any
from urllib.parse import parse_qsl

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from events.wire.validators import Fault
from events.wire.values import Wire, canonical_number
from ingestion.dialects import buildless_pb2

UNKNOWN = "@unknown"  # unknown fields of a message, serialized, in base64
ANY = "google.protobuf.Any"
# What the server computes: ignored where a client sends it.
OUTPUT_ONLY = {
    ("TelemetryEvent", "scope"),
    ("EventTiming", "timehash"),
    ("EventTiming", "received"),
    ("EventTiming", "ingested"),
    ("EventLocation", "source_ip"),
    ("EventLocation", "nielsen"),
    ("EventLocation", "tag"),
}
_SIXTY_FOUR = {FieldDescriptor.CPPTYPE_UINT64, FieldDescriptor.CPPTYPE_INT64}


def bound_fault(body: bytes, most: int) -> Fault | None:
    """Return the fault of a binary event with more than `most` fields, before any object is made of it."""
    # A field has two bytes at least.
    if len(body) <= 2 * most or _fields(body, most) <= most:
        return None
    return Fault("too_many_keys", "", f"The event has more than {most:,} fields.")


def _fields(body: bytes, most: int) -> int:
    """Count the fields of an event and of the messages in it, no further than `most` + 1.

    A message that can't be read is left at that place: the parser will refuse it there.
    """
    count = 0
    waiting: list[tuple[int, int, Descriptor | None]] = [(0, len(body), buildless_pb2.Event.DESCRIPTOR)]
    while waiting:
        at, end, descriptor = waiting.pop()
        while at < end and count <= most:
            tag, at = _varint(body, at, end)
            count += 1
            wire_type = tag & 7
            if wire_type == _VARINT:
                _, at = _varint(body, at, end)
            elif wire_type == _DELIMITED:
                length, at = _varint(body, at, end)
                field = descriptor.fields_by_number.get(tag >> 3) if descriptor else None
                if field is not None and field.message_type is not None:
                    waiting.append((at, min(at + length, end), field.message_type))
                at += length
            elif wire_type in _FIXED:
                at += _FIXED[wire_type]
            elif wire_type not in _GROUP:
                break
    return count


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number and where it ends; beyond `end` if it doesn't."""
    number = shift = 0
    while at < end:
        byte = body[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:  # the last
            return number, at
        shift += 7
        if shift > _LONGEST_VARINT:
            break
    return 0, end + 1


# Wire types.
_VARINT, _DELIMITED, _GROUP = 0, 2, (3, 4)
_FIXED = {1: 8, 5: 4}
_LONGEST_VARINT = 63  # bits


def from_protobuf(body: bytes) -> dict[str, Wire] | None:
    """Return the event in a binary body as proto3 JSON; None if the body isn't such a message."""
    event = buildless_pb2.Event()
    try:
        event.ParseFromString(body)
    except DecodeError:
        return None
    return _message(event)


def _message(message: Message) -> dict[str, Wire]:
    if message.DESCRIPTOR.full_name == ANY:
        return _any(message)
    found: dict[str, Wire] = {}
    for field, value in message.ListFields():
        if (message.DESCRIPTOR.name, field.name) in OUTPUT_ONLY:
            continue
        repeated = field.is_repeated
        found[field.json_name] = [_value(field, item) for item in value] if repeated else _value(field, value)
    if len(UnknownFieldSet(message)):
        found[UNKNOWN] = b64encode(_unknown(message)).decode()
    return found


def _unknown(message: Message) -> bytes:
    """Return the message without its known fields, serialized."""
    rest = type(message)()
    rest.CopyFrom(message)
    for field, _ in message.ListFields():
        rest.ClearField(field.name)
    return rest.SerializeToString()


def _any(message: Any) -> dict[str, Wire]:
    return {"@type": message.type_url, "value": b64encode(message.value).decode()}


def _value(field: FieldDescriptor, value: Any) -> Wire:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _message(value)
    if field.cpp_type in _SIXTY_FOUR:
        return str(value)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return _enum_name(field, value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b64encode(value).decode()
    return _double(value) if field.type == FieldDescriptor.TYPE_DOUBLE else value


def _double(number: float) -> Wire:
    """Return a number; NaN and infinity are words in proto3 JSON."""
    if isfinite(number):
        return canonical_number(number)
    return "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"


def parameters(query: bytes) -> list[tuple[str, str]]:
    """Return the event's query parameters: all but `key`. Bytes that are not UTF-8 become lone surrogates."""
    text = query.decode("utf-8", "surrogateescape")
    pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    return [(name, value) for name, value in pairs if name != "key"]


def from_query(query: bytes) -> dict[str, Wire]:
    """Return the event in dotted query parameters, each of its field's type; unknown fields stay text."""
    event: dict[str, Wire] = {}
    for name, value in parameters(query):
        _place(event, name.split("."), value)
    return event


def _place(event: dict[str, Wire], path: list[str], text: str) -> None:
    place = event
    descriptor: Descriptor | None = buildless_pb2.Event.DESCRIPTOR
    for index, key in enumerate(path):
        field = _field(descriptor, key)
        if field and descriptor and (descriptor.name, field.name) in OUTPUT_ONLY:
            return
        name = field.json_name if field else key
        if descriptor and descriptor.full_name == ANY and name == "typeUrl":
            name = "@type"
        if index == len(path) - 1:
            place[name] = _typed(field, text) if field else text
            return
        below = place.setdefault(name, {})
        if type(below) is not dict:
            place[".".join(path[index:])] = text
            return
        place = below
        descriptor = field.message_type if field else None


def _field(descriptor: Descriptor | None, key: str) -> FieldDescriptor | None:
    """Return a field by its proto name or its JSON name."""
    # No field has such a name, and protobuf's lookup fails on a lone surrogate.
    if descriptor is None or not key.isascii():
        return None
    return descriptor.fields_by_name.get(key) or descriptor.fields_by_camelcase_name.get(key)


def _typed(field: FieldDescriptor, text: str) -> Wire:
    """Return the JSON value of a text, or the text itself if it doesn't fit, for validation to see."""
    read = None if field.is_repeated else _READERS.get(field.cpp_type)
    value = read(field, text) if read else None
    return text if value is None else value


def _read_bool(_: FieldDescriptor, text: str) -> Wire:
    return {"true": True, "false": False}.get(text.lower())


def _read_uint32(_: FieldDescriptor, text: str) -> Wire:
    return int(text) if _short_digits(text) and int(text) < 2**32 else None


def _read_double(_: FieldDescriptor, text: str) -> Wire:
    try:
        number = float(text)
    except ValueError:
        return None
    return canonical_number(number) if isfinite(number) else None


def _read_enum(field: FieldDescriptor, text: str) -> Wire:
    """Return the name of a number; a name stays."""
    return _enum_name(field, int(text)) if _short_digits(text) else None


def _enum_name(field: FieldDescriptor, number: int) -> Wire:
    """Return the name of an enum's number; an unknown number stays one."""
    assert field.enum_type is not None
    known = field.enum_type.values_by_number.get(number)
    return known.name if known else number


# All other types (text, bytes in base64, 64-bit numbers) are text in proto3 JSON too.
_READERS: dict[int, Callable[[FieldDescriptor, str], Wire]] = {
    FieldDescriptor.CPPTYPE_BOOL: _read_bool,
    FieldDescriptor.CPPTYPE_UINT32: _read_uint32,
    FieldDescriptor.CPPTYPE_DOUBLE: _read_double,
    FieldDescriptor.CPPTYPE_ENUM: _read_enum,
}


def _short_digits(text: str) -> bool:
    """ASCII digits only (`int` takes others too), and no more than 32 bits can need."""
    return text.isascii() and text.isdigit() and len(text) <= 10
