"""Bytes for reading: laid out where they are JSON, else as text, else as a dump."""

import json

from events.admin.display import Document, highlighted, indented

SHOWN = 200_000  # bytes of a body
_LINE = 16  # bytes a line where they are no text


def documents(body: bytes) -> list[Document]:
    """The bytes for reading: laid out where they are JSON, and as they came."""
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
            "The event, laid out",
            "For reading: of repeated keys the last, numbers as Python reads them.",
            highlighted(text),
            is_open=True,
        ),
        as_sent,
    ]


def as_received(body: bytes) -> Document:
    """The bytes as they came, or the first of them."""
    part = body[:SHOWN]
    size = f"{len(body):,} bytes"
    note = f"{size}." if len(part) == len(body) else f"The first {SHOWN:,} of {size}."
    return Document("Bytes as received", note, _readable(part))


def _readable(part: bytes) -> str:
    """Text as text, anything else as a dump of its bytes."""
    text = part.decode("utf-8", "backslashreplace")
    if "\x00" not in text:
        return text
    lines = (part[at : at + _LINE] for at in range(0, len(part), _LINE))
    return "\n".join(f"{line.hex(' '):<{_LINE * 3}} {_printable(line)}" for line in lines)


def _printable(line: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
