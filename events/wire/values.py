"""JSON values between wire and store: canonical numbers, text that PostgreSQL can't hold, adaptations.

PostgreSQL's text and jsonb refuse NUL, UTF-8 can't encode lone surrogates, and jsonb doesn't keep the
notation of numbers. Changes made for them are recorded among the event's `adaptations` and undone here.
"""

import re
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

Wire = Any  # a JSON value

ESCAPED = "escaped"  # texts with NUL or lone surrogates are written with backslashes
UNWRAPPED = "unwrapped"  # edata came as {"edata": {…}}
LARGE_DOUBLES = "large doubles"  # numbers like 1e22, which jsonb gives back as integers
FILLED = "filled:"  # followed by the dotted path of what headers or the key filled in
HASHED = "hashed:"  # followed by the dotted path of an e-mail address that only a hash is kept of

_encode = msgspec.json.Encoder().encode
_EXACT = 2**53
_LARGEST = int(sys.float_info.max)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# With a table, because calling a function for each of a million NULs would take a second.
_ESCAPES = {code: f"\\u{code:04x}" for code in (0, *range(0xD800, 0xE000))} | {ord("\\"): "\\\\"}
_ESCAPED = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


def map_json(value: Wire, text: Callable[[str], str], number: Callable[[Any], Wire]) -> Wire:
    """Copy a JSON value with `text` applied to each string and key, and `number` to each number."""
    kind = type(value)
    if kind is str:
        return text(value)
    if kind is dict:
        return {text(key): map_json(item, text, number) for key, item in value.items()}
    if kind is list:
        return [map_json(item, text, number) for item in value]
    if kind is int or kind is float:
        return number(value)
    return value


def _same(text: str) -> str:
    return text


def canonical_number(number: float) -> float:
    """Return a whole double as an integer, as JavaScript writes it (RFC 8785): 1.0 is 1."""
    if type(number) is float and number.is_integer() and abs(number) <= _EXACT:
        return int(number)
    return number


def canonical(value: Wire) -> Wire:
    """Return a JSON value with canonical numbers, so that it costs the same in every encoding."""
    return map_json(value, _same, canonical_number)


def is_unstorable(value: Wire) -> bool:
    """True if a JSON value has a text that PostgreSQL would refuse."""
    try:
        encoded = _encode(value)
    except UnicodeEncodeError:
        return True  # a lone surrogate
    return b"\\u0000" in encoded and _has_unstorable(value)


def _has_unstorable(value: Wire) -> bool:
    kind = type(value)
    if kind is str:
        return _UNSTORABLE.search(value) is not None
    if kind is dict:
        return any(_has_unstorable(key) or _has_unstorable(item) for key, item in value.items())
    if kind is list:
        return any(_has_unstorable(item) for item in value)
    return False


def readable(text: str) -> str:
    """Return a text for people, with replacement characters for what PostgreSQL and UTF-8 refuse."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _escape_text(text: str) -> str:
    if text.isascii() and "\\" not in text and "\x00" not in text:
        return text
    if not _UNSTORABLE.search(text) and not _ESCAPED.search(text):
        return text  # nothing in it could be read as an escape
    return text.translate(_ESCAPES)


def _unescape_text(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else "\\", text)


def escape(value: Wire) -> Wire:
    """Return a storable copy: NUL, lone surrogates and backslashes are written as backslash escapes."""
    if type(value) is not dict:
        return map_json(value, _escape_text, _same)
    names = "".join(value)
    if not names.isascii() or "\\" in names or "\x00" in names:
        return {_escape_text(key): _escape_item(item) for key, item in value.items()}
    return {key: _escape_item(item) for key, item in value.items()}


def _escape_item(value: Wire) -> Wire:
    kind = type(value)
    if kind is str:
        return _escape_text(value)
    # Most values in an event need no escaping, and checking their JSON is faster than traversing them.
    if (kind is dict or kind is list) and not _is_plain(value):
        return map_json(value, _escape_text, _same)
    return value


def _is_plain(value: Wire) -> bool:
    """True if a value needs no escaping: it has no NUL, surrogate or backslash."""
    try:
        return b"\\" not in _encode(value)
    except UnicodeEncodeError:
        return False  # a lone surrogate


def unescape(value: Wire) -> Wire:
    """Return the text that was passed to `escape`."""
    return map_json(value, _unescape_text, _same)


def _float_from_store(number: float) -> float:
    """Return the double of an integer from jsonb, which writes 1e22 as an integer."""
    if type(number) is int and abs(number) > _EXACT:
        double = float(number) if abs(number) <= _LARGEST else 0.0
        return double if double and int(Decimal(repr(double))) == number else number
    return canonical_number(number)


def from_store(value: Wire, adaptations: Iterable[str] = ()) -> Wire:
    """Return a JSON value read from jsonb, with numbers as they were sent."""
    return map_json(value, _same, _float_from_store if LARGE_DOUBLES in adaptations else canonical_number)


def undo(event: dict[str, Wire], adaptations: Iterable[str]) -> dict[str, Wire]:
    """Undo the adaptations of an event, last first."""
    for adaptation in adaptations:
        if adaptation.startswith(FILLED):
            _remove(event, adaptation.removeprefix(FILLED).split("."))
    event = without_hashed(event, adaptations)
    if UNWRAPPED in adaptations:
        event["edata"] = {"edata": event.get("edata", {})}
    return unescape(event) if ESCAPED in adaptations else event


def without_hashed(event: dict[str, Wire], adaptations: Iterable[str]) -> dict[str, Wire]:
    """Return an event without the fields of which only a hash is stored."""
    for adaptation in adaptations:
        if adaptation.startswith(HASHED):
            event = _without(event, adaptation.removeprefix(HASHED).split("."))
    return event


def _without(event: dict[str, Wire], path: list[str]) -> dict[str, Wire]:
    key, *below = path
    if key not in event:
        return event
    if not below:
        return {name: value for name, value in event.items() if name != key}
    found = event[key]
    return {**event, key: _without(found, below)} if type(found) is dict else event


def _remove(event: dict[str, Wire], path: list[str]) -> None:
    """Remove a filled-in value, and the objects that were created only for it."""
    *above, last = path
    places = [event]
    for key in above:
        below = places[-1].get(key)
        if type(below) is not dict:
            return
        places.append(below)
    places[-1].pop(last, None)
    for key, outer, inner in zip(reversed(above), reversed(places[:-1]), reversed(places[1:]), strict=True):
        if inner:
            break
        outer.pop(key)
