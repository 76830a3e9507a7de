"""JSON as clients send it: decoded within limits, with a slow path for what strict decoders refuse whole.

msgspec refuses a document for one lone surrogate, one NaN, one number out of range. Python's own decoder
takes these, so that the fault can be laid where it belongs: at one event, not at its neighbours.
"""

import json
import math
import re
from typing import NamedTuple, NoReturn

import msgspec
from django.conf import settings

from events.lib.settings_cache import cached_from_settings
from events.wire import typed
from events.wire.validators import Fault
from events.wire.values import Wire

# A string that is never closed is one token to the end: else each quote in it would be tried in turn.
_STRING = rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)'
_STRINGS = re.compile(_STRING, re.DOTALL)
# The next bracket, and the last string before it: what is between brackets is stepped over in one go.
_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|(' + _STRING + rb"))*+([\[\]{}]|\Z)", re.DOTALL)
_BRACKET_OR_COMMA = re.compile(rb'(?:[^"\[\]{},]++|(' + _STRING + rb"))*+([\[\]{},]|\Z)", re.DOTALL)
MAX_DIGITS = 1_000  # of a number: longer ones cost the square of their length
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_EXPONENTS = bytes.maketrans(b"123456789E", b"000000000e")
_TOO_MANY_DIGITS = b"0" * (MAX_DIGITS + 1)
_LONG = b"0" * 300  # digits of a number that could be beyond a double


class _Found(Exception):
    """Carries a fault out of Python's decoder."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


# Faults of events that are not worth decoding again.
OUT_OF_BOUNDS = {"too_large", "too_many_keys", "too_many_elements", "too_deep"}


class Limits(NamedTuple):
    """The bounds of one event, read from the settings once a request."""

    bytes_: int
    keys: int
    elements: int
    depth: int


@cached_from_settings
def limits() -> Limits:
    """Return the limits in force."""
    return Limits(
        settings.INGEST_MAX_EVENT_BYTES,
        settings.INGEST_MAX_KEYS,
        settings.INGEST_MAX_ELEMENTS,
        settings.INGEST_MAX_DEPTH,
    )


def bound_fault(raw: bytes, limits: Limits) -> Fault | None:
    """Return the fault of a JSON text that is too long, too deep or has too many elements."""
    return size_fault(raw, limits) or shape_fault(raw, limits)


def size_fault(raw: bytes, limits: Limits) -> Fault | None:
    """Return the fault of an event that is too long, in any encoding."""
    if len(raw) <= limits.bytes_:
        return None
    return Fault("too_large", "", f"The event has {len(raw):,} bytes; at most {limits.bytes_:,} are taken.")


def shape_fault(raw: bytes, limits: Limits) -> Fault | None:
    """Return the fault of a JSON text that is too deep, has too many keys or elements, or too long a number.

    Cheap for one that isn't and has none: counting bytes gives upper bounds, and only where these are over
    the strings are taken out, to count for real.
    """
    brackets = raw.count(b"{") + raw.count(b"[")
    is_long = len(raw) > limits.elements or len(raw) > limits.keys
    may_have_digits = len(raw) > MAX_DIGITS and _TOO_MANY_DIGITS in raw.translate(_DIGITS)
    if not is_long and not may_have_digits and brackets <= limits.depth:
        return None
    shape = _without_strings(raw)
    if brackets > limits.depth and _is_deeper(shape, limits.depth):
        return Fault("too_deep", "", f"The event is nested deeper than {limits.depth} levels.")
    if shape.count(b":") > limits.keys:
        return Fault("too_many_keys", "", f"The event has more than {limits.keys:,} keys.")
    if _elements(shape) > limits.elements:
        return too_many_elements(limits)
    if may_have_digits and _TOO_MANY_DIGITS in shape.translate(_DIGITS):
        return Fault("number_out_of_range", "", f"A number has more than {MAX_DIGITS:,} digits.")
    return None


def too_many_elements(limits: Limits) -> Fault:
    """Return the fault of an event with too many elements, in any encoding."""
    message = f"The event has more than {limits.elements:,} keys and list items."
    return Fault("too_many_elements", "", message)


def has_more_elements(body: bytes, most: int) -> bool:
    """True if a JSON text has more keys and list items than `most`."""
    if len(body) <= most or _elements(body) <= most:
        return False
    # Each element has at most a key and a value: two strings of two quotes. One more may be outside.
    # A quote after a backslash may be escaped.
    if body.count(b'"') - body.count(b'\\"') > 4 * most + 2:
        return True
    return _elements(_without_strings(body)) > most


def _without_strings(text: bytes) -> bytes:
    # `sub` would take 100 bytes for each string.
    return b"".join(_STRINGS.split(text))


def _elements(text: bytes) -> int:
    """Return an upper bound of the number of values: each comma and each bracket adds one."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def decode(raw: bytes) -> Wire | Fault:
    """Return the value of a JSON text, or its fault."""
    try:
        return typed.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # ValueError: msgspec lets Python's own UnicodeDecodeError through.
        return _decode_slowly(raw)


def mend(text: bytes) -> bytes:
    """Return the text with NaN, Infinity and surrogates replaced by valid JSON of the same length.

    The result is valid JSON if and only if the text was, except for these: they are replaced as whole tokens,
    or within strings by other characters.
    """
    # All surrogates are from D800 to DFFF; 0000 to 0FFF has none.
    return _with_finite(text).replace(rb"\ud", rb"\u0").replace(rb"\uD", rb"\u0")


def _with_finite(text: bytes) -> bytes:
    return _INFINITY.sub(b"0.000000", _NAN.sub(b"0.0", text))


# The preceding character is checked last: a pattern that begins with a literal is ten times as fast.
_NAN = re.compile(rb"NaN(?<=[\[:,\s]NaN)(?=[\],}\s])")
_INFINITY = re.compile(rb"Infinity(?<=[\[:,\s-]Infinity)(?=[\],}\s])")


def glimpse(raw: bytes) -> Wire:
    """Return what can be read of a text that `decode` found fault with, to name its event; else None."""
    try:
        return typed.decode(_with_finite(raw))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass  # the next decoder takes more
    try:
        return _lax.decode(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _decode_slowly(raw: bytes) -> Wire | Fault:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Fault("bad_utf8", "", f"Byte {error.start} is not UTF-8.")
    try:
        return (_careful if _may_be_infinite(raw) else _finite_only).decode(text)
    except _Found as found:
        return found.fault
    except json.JSONDecodeError as error:
        return Fault("bad_json", "", _explained(error))
    except RecursionError:
        return Fault("too_deep", "", "The value is nested too deeply.")


_SHOWN = 20  # characters of what doesn't belong there


def _explained(error: json.JSONDecodeError) -> str:
    """Return a sentence that says where a text stops being JSON and, where that is clear, what to remove."""
    before, rest = error.doc[: error.pos].rstrip(), error.doc[error.pos :].rstrip()
    if not before and not rest:
        return "Not JSON: the text is empty."
    where = _where(error)
    if error.msg != "Extra data":
        # Since Python 3.13, the error is at the comma instead of the bracket.
        comma = error.pos if rest.startswith(",") else len(before) - 1
        bracket = error.doc[comma + 1 :].lstrip()[:1]
        if comma >= 0 and error.doc[comma] == "," and bracket in ("}", "]"):
            where = _where(json.JSONDecodeError("", error.doc, comma))
            return f"Not JSON: remove the comma {where}, before {bracket}."
        return f"Not JSON: {error.msg} {where}."
    if not rest.strip("}] \t\r\n"):
        brackets = f"the {rest}" if len(rest) == 1 else f"{rest[:_SHOWN]!r}"
        return f"Not JSON: remove {brackets} {where}, after the end of the value."
    shown = rest if len(rest) <= _SHOWN else rest[: _SHOWN - 1] + "…"
    return f"Not JSON: remove what follows the value {where}: {shown!r}."


def _where(error: json.JSONDecodeError) -> str:
    place = f"at character {error.pos}"
    return f"{place} (line {error.lineno}, column {error.colno})" if error.lineno > 1 else place


def _may_be_infinite(raw: bytes) -> bool:
    """Return True where a number could be beyond a double: a long one, or an exponent of three digits."""
    # One pattern of all takes twenty times as long.
    zeros = raw.translate(_EXPONENTS, b"+")
    return b"e000" in zeros or _LONG in zeros


def _refuse_constant(name: str) -> NoReturn:
    raise _Found(Fault("not_finite", "", f"{name} is not a JSON number."))


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Found(
            Fault("number_out_of_range", "", f"The number {text:.40} is outside the range of a double.")
        )
    return number


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Found(Fault("number_out_of_range", "", f"A number has more than {MAX_DIGITS:,} digits."))
    return int(text)


def _whole_or_float(text: str) -> float:
    return int(text) if len(text) <= MAX_DIGITS else float(text)


# Made once: each takes longer to make than a small event to decode.
_lax = json.JSONDecoder(parse_int=_whole_or_float)
_finite_only = json.JSONDecoder(parse_constant=_refuse_constant)
_careful = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole)


def _is_deeper(shape: bytes, limit: int) -> bool:
    """True if brackets are nested beyond the limit, in a text without its strings.

    Each round takes away the innermost brackets of all branches at once.
    """
    whole = shape.translate(_SQUARE, _BETWEEN_BRACKETS)
    left = whole
    for _ in range(limit):
        inside = left.replace(b"[]", b"")
        if len(inside) == len(left):
            # All gone, or what is left is no JSON: brackets that are never closed count too.
            return bool(left) and _opens_deeper(whole, limit)
        left = inside
    return bool(left)


# All brackets are converted to square ones: with two sorts, a round could remove two levels.
_OPENING = ord("[")
_SQUARE = bytes.maketrans(b"{}", b"[]")
_BETWEEN_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _opens_deeper(brackets: bytes, limit: int) -> bool:
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket == _OPENING else -1
        if depth > limit:
            return True
    return False


def split_list(body: bytes, key: bytes, most: int) -> tuple[bytes, list[bytes]] | None:
    """Cut the list under top-level `key` out of a JSON object without decoding it; any depth will do.

    Returns the body with an empty list in its place, and the slices of its items, no more than `most` + 1;
    None where there is no such list.
    """
    begins = list_begins(body, key)
    if not begins:
        return None
    end, items = _items(body, begins, most)
    return (body[:begins] + body[end:], items) if end else None


def list_begins(body: bytes, key: bytes) -> int:
    """Return where the first item of the list under top-level `key` is; 0 where there is no such list."""
    depth = at = 0
    while found := _BRACKET.match(body, at):
        bracket, at = found[2], found.end()
        if not bracket:
            return 0
        if bracket in b"]}":
            depth -= 1
            continue
        depth += 1
        if depth == 2 and bracket == b"[" and (found[1] or b"")[1:-1] == key:
            return at
    return 0


def _items(body: bytes, at: int, most: int) -> tuple[int, list[bytes]]:
    """Return the items of the list that begins at `at`, and the place of its closing bracket, or 0."""
    items: list[bytes] = []
    begin, depth = at, 0
    while found := (_BRACKET if depth else _BRACKET_OR_COMMA).match(body, at):
        mark, at = found[2], found.end()
        if not mark:
            break
        if mark in b"[{":
            depth += 1
        elif depth:
            depth -= 1
        else:
            item = body[begin : at - 1].strip()
            if item or mark == b"," or items:
                items.append(item)
            begin = at
            if mark != b"," or len(items) > most:
                return at - 1, items
    return 0, items
