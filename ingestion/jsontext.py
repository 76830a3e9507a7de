"""JSON as it really comes: decoding under bounds, with a slow path for what strict decoders refuse whole.

msgspec refuses a document for one lone surrogate, one NaN, one number out of range. Python's own decoder
takes these, so that the fault can be laid where it belongs: at one event, not at its neighbours.
"""

import json
import math
import re
from typing import Any, NamedTuple, NoReturn

import msgspec
from django.conf import settings

from events.remembered import of_settings
from events.wire import typed
from events.wire.validators import Fault

Wire = Any
# A string that is never closed is one token to the end: else each quote in it would be tried in turn.
_STRING = rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)'
_TOKEN = re.compile(_STRING + rb"|[\[\]{},]", re.DOTALL)
_KEY = re.compile(_STRING + rb"(\s*+:)?", re.DOTALL)
_MAX_BRACKETS = 1_000_000  # a body of 5 MiB with more is no batch of events


class _Found(Exception):
    """A fault that Python's decoder comes upon, carried out of it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


OUT_OF_BOUNDS = {"too_large", "too_many_keys", "too_deep"}  # not worth another look


class Limits(NamedTuple):
    """The bounds of one event, read from the settings once a request."""

    bytes_: int
    keys: int
    depth: int


@of_settings
def limits() -> Limits:
    """The bounds in force."""
    return Limits(settings.INGEST_MAX_EVENT_BYTES, settings.INGEST_MAX_KEYS, settings.INGEST_MAX_DEPTH)


def bound_fault(raw: bytes, limits: Limits) -> Fault | None:
    """The fault of a JSON text that is too long, too deep or has too many keys."""
    return size_fault(raw, limits) or shape_fault(raw, limits)


def size_fault(raw: bytes, limits: Limits) -> Fault | None:
    """The fault of an event that is too long, in whatever encoding."""
    if len(raw) <= limits.bytes_:
        return None
    return Fault("too_large", "", f"The event has {len(raw):,} bytes; at most {limits.bytes_:,} are taken.")


def shape_fault(raw: bytes, limits: Limits) -> Fault | None:
    """The fault of a JSON text that is too deep or has too many keys; cheap for one that is not."""
    # Counting bytes gives upper bounds; only where these are over is it worth counting for real.
    if len(raw) > limits.keys and raw.count(b":") > limits.keys and _keys(raw) > limits.keys:
        return Fault("too_many_keys", "", f"The event has more than {limits.keys:,} keys.")
    if raw.count(b"{") + raw.count(b"[") > limits.depth and _is_deeper(raw, limits.depth):
        return Fault("too_deep", "", f"The event is nested deeper than {limits.depth} levels.")
    return None


def decode(raw: bytes) -> Wire | Fault:
    """The value of a JSON text, or the fault that is in it."""
    try:
        return typed.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # ValueError: msgspec lets Python's own UnicodeDecodeError through.
        return _decode_slowly(raw)


def glimpse(raw: bytes) -> Wire:
    """What can be read of a text that `decode` found fault with, for saying which event it is; else None."""
    try:
        return json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _decode_slowly(raw: bytes) -> Wire | Fault:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Fault("bad_utf8", "", f"Byte {error.start} is not UTF-8.")
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole)
    except _Found as found:
        return found.fault
    except json.JSONDecodeError as error:
        return Fault("bad_json", "", f"Not JSON: {error.msg} at character {error.pos}.")
    except RecursionError:
        return Fault("too_deep", "", "The value is nested too deeply.")


def _refuse_constant(name: str) -> NoReturn:
    raise _Found(Fault("not_finite", "", f"{name} is not a JSON number."))


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Found(
            Fault("number_out_of_range", "", f"The number {text:.40} is beyond what a double holds.")
        )
    return number


def _whole(text: str) -> int:
    if len(text) > 4_000:
        raise _Found(Fault("number_out_of_range", "", f"A number of {len(text):,} digits is not taken."))
    return int(text)


def _is_deeper(raw: bytes, limit: int) -> bool:
    """Whether brackets are nested beyond the limit; looks no further than to the first that is."""
    depth = 0
    for found in _TOKEN.finditer(raw):
        token = found[0]
        if token in b"{[":
            depth += 1
            if depth > limit:
                return True
        elif token in b"}]":
            depth -= 1
    return False


def _keys(raw: bytes) -> int:
    return sum(found[1] is not None for found in _KEY.finditer(raw))


def split_list(body: bytes, key: bytes) -> tuple[bytes, list[bytes]] | None:
    """Cut the list under top-level `key` out of a JSON object without decoding it.

    Returns the body with an empty list in its place, and the slices of its items; None where there is no such
    list. Brackets are counted, so any depth will do.
    """
    if body.count(b"[") + body.count(b"{") > _MAX_BRACKETS:
        return None
    depth = 0
    last_string = b""
    start = item = -1
    items: list[bytes] = []
    for found in _TOKEN.finditer(body):
        token = found[0]
        if token[:1] == b'"':
            if depth == 1:
                last_string = token[1:-1]
            continue
        if token in b"{[":
            depth += 1
            if depth == 2 and token == b"[" and last_string == key:
                start = item = found.end()
            continue
        if start >= 0 and depth == 2 and token in b",]":
            piece = body[item : found.start()].strip()
            if piece or token == b"," or items:
                items.append(piece)
            item = found.end()
            if token == b"]":
                return body[:start] + body[found.start() :], items
        if token in b"}]":
            depth -= 1
    return None
