"""Event bodies for reading: JSON indented, with the fault marked; else text, or a hex dump."""

import json
import re
from typing import NamedTuple

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from events.admin.display import Document, highlighted, indented
from events.wire.values import Wire
from ingestion.dialects.decoders import DECODERS
from ingestion.dialects.decoding import Payload, Refused
from ingestion.rejected.event import RejectedEvent

SHOWN = 200_000  # bytes of a body
_LINE = 16  # bytes a line where they are no text


def documents(body: bytes) -> list[Document]:
    """Return the body as indented JSON, if it is JSON, and as received."""
    part = body[:SHOWN]
    as_sent = as_received(body)
    if len(part) < len(body):
        return [as_sent]
    try:
        text = indented(json.loads(body))
    except (ValueError, RecursionError):
        return [as_sent]
    return [
        Document(
            "The event, formatted",
            "Formatted for reading: only the last of repeated keys, and numbers as Python reads them.",
            highlighted(text),
            is_open=True,
        ),
        as_sent,
    ]


def as_received(body: bytes) -> Document:
    """Return the body as received, or the beginning of a long one."""
    part = body[:SHOWN]
    size = f"{len(body):,} bytes"
    note = f"{size}." if len(part) == len(body) else f"The first {SHOWN:,} of {size}."
    return Document("Bytes as received", note, _readable(part))


def _readable(part: bytes) -> str:
    """Return text as it is, and anything else as a hex dump."""
    text = part.decode("utf-8", "backslashreplace")
    if "\x00" not in text:
        return text
    lines = (part[at : at + _LINE] for at in range(0, len(part), _LINE))
    return "\n".join(f"{line.hex(' '):<{_LINE * 3}} {_printable(line)}" for line in lines)


def _printable(line: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)


_NAMES_A_KEY = "missing"  # the code whose path isn't there, so that what is around it is marked
_IN_TEXT = {
    "bad_json": re.compile(r"at character (\d+)"),
    "bad_utf8": re.compile(r"Byte (\d+)"),
}
_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\Z)'
# Words outside of strings that Python accepts although they aren't JSON.
_ODD_TOKEN = {
    "not_finite": re.compile(rf"{_STRING}|(-?Infinity|NaN)", re.DOTALL),
    "number_out_of_range": re.compile(
        rf"{_STRING}|(-?\d+(?:\.\d+)?[eE]\+?[1-9]\d\d+|-?\d{{300,}})", re.DOTALL
    ),
}
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]\.?")


class Marked(NamedTuple):
    """A text for reading; whether a place is marked in it."""

    text: SafeString
    has_mark: bool


def marked(row: RejectedEvent) -> Marked | None:
    """Return the event with its fault marked; None if it is too long to show, or can't be read."""
    body = bytes(row.body)
    if len(body) > SHOWN:
        return None
    if row.code in _IN_TEXT or row.code in _ODD_TOKEN:
        return _in_text(row.code, row.message, body)
    try:
        value = value_of(row)
        return None if value is None else _laid_out(value, row.path, row.message, row.code)
    except RecursionError:
        return None


def value_of(row: RejectedEvent) -> Wire:
    """Return the event as a JSON value; None if it can't be read."""
    body = bytes(row.body)
    if row.encoding in ("json", "ndjson"):
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            return None
    payload = Payload(row.dialect, row.encoding, body, row.received_at, row.strict, row.context)
    try:
        raw_events = DECODERS[row.dialect].split(payload)
    except Refused:
        return None
    return raw_events[0].event if raw_events and isinstance(raw_events[0].event, dict) else None


def _in_text(code: str, message: str, body: bytes) -> Marked:
    """Return the body as text, with a mark where it stops being JSON."""
    if code == "bad_utf8":
        found = _IN_TEXT[code].search(message)
        at = int(found[1]) if found else len(body)
        before, fault, after = (
            part.decode("utf-8", "backslashreplace")
            for part in (body[:at], body[at : at + 1], body[at + 1 :])
        )
        return _three(before, fault, after, message)
    text = body.decode("utf-8", "backslashreplace")
    if code in _IN_TEXT:
        found = _IN_TEXT[code].search(message)
        at = int(found[1]) if found else len(text)
        return _three(text[:at], text[at : at + 1], text[at + 1 :], message)
    for token in _ODD_TOKEN[code].finditer(text):
        if token[1]:
            return _three(text[: token.start()], token[1], text[token.end() :], message)
    return Marked(SafeString(escape(text)), has_mark=False)


def _three(before: str, fault: str, after: str, message: str) -> Marked:
    place = fault if fault.strip() else "▮"  # a blank, or the end, would not be seen
    mark = format_html('<mark class="tally-fault" id="fault" data-note="{}">{}</mark>', message, place)
    return Marked(format_html("{}{}{}", before, mark, after), has_mark=True)


def steps(value: Wire, path: str) -> tuple[str | int, ...]:
    """Return the keys and indexes of a path, as far as the value has them. Keys may contain dots."""
    found: list[str | int] = []
    while path:
        if isinstance(value, dict):
            keys = [key for key in value if path == key or path.startswith((f"{key}.", f"{key}["))]
            if not keys:
                break
            key = max(keys, key=len)
            found.append(key)
            value, path = value[key], path[len(key) :].removeprefix(".")
        elif isinstance(value, list) and (index := _INDEX.match(path)) and index[1] != "...":
            place = int(index[1])
            if place >= len(value):
                break
            found.append(place)
            value, path = value[place], path[index.end() :]
        else:
            break
    return tuple(found)


def _laid_out(value: Wire, path: str, message: str, code: str) -> Marked:
    target = steps(value, path) if path else None
    if target == () and code != _NAMES_A_KEY:
        target = None
    lines: list[str] = []
    marked_line = -1

    def write(item: Wire, place: tuple[str | int, ...], lead: str, tail: str) -> None:
        nonlocal marked_line
        if place == target:
            marked_line = len(lines)
        if not isinstance(item, dict | list) or not item:
            lines.append(f"{lead}{_scalar(item)}{tail}")
            return
        is_object = isinstance(item, dict)
        inner: list[tuple[str | int, Wire]] = list(
            item.items() if isinstance(item, dict) else enumerate(item)
        )
        lines.append(lead + ("{" if is_object else "["))
        indent = " " * (2 * len(place) + 2)
        for number, (key, below) in enumerate(inner):
            name = f"{_scalar(key)}: " if is_object else ""
            write(below, (*place, key), indent + name, "," if number < len(inner) - 1 else "")
        lines.append(" " * (2 * len(place)) + ("}" if is_object else "]") + tail)

    write(value, (), "", "")
    html = [str(highlighted(line)) for line in lines]
    if marked_line >= 0:
        html[marked_line] = (
            f'<mark class="tally-fault" id="fault" data-note="{escape(message)}">{html[marked_line]}</mark>'
        )
    return Marked(mark_safe("\n".join(html)), has_mark=marked_line >= 0)  # noqa: S308  (escaped by `coloured`)


def _scalar(value: Wire) -> str:
    """Return a JSON value on one line. Lone surrogates stay escaped, since no page can hold them."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
