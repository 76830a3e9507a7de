"""CSV: UTF-8 with a byte order mark, which spreadsheets need to read more than ASCII."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import chain

from events.lib.formatting import number_text
from events.spreadsheets.formulas import harmless
from events.spreadsheets.sheet import Cell, Heading, Sheet, cells

MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
TYPE = "text/csv; charset=utf-8"
_LIKE_THOUSANDS = re.compile(r"-?[0-9]{1,3}\.[0-9]{3}")


def lines(sheet: Sheet) -> Iterator[bytes]:
    """Yield the file line by line: the byte order mark and the head, then the rows.

    Texts are quoted and numbers aren't, so that readers can distinguish them; a missing value is an empty
    cell. The csv module of Python 3.11 can't quote that way.
    """
    yield _line(map(_text, sheet.head()), MARK)
    for row in cells(sheet):
        yield _line(written(value, heading) for value, heading in zip(row, sheet.headings, strict=True))


def written(value: Cell, heading: Heading) -> str:
    """Return a cell with all digits of a number, and with the offset of a time."""
    match value:
        case None:
            text = ""
        case str():
            text = _text(value)
        case float():
            text = unmistakable(number_text(value))
        case Decimal():
            text = unmistakable(exactly(value))
        case datetime():
            at = value.astimezone(heading.clock) if heading.zone else value
            text = _text(at.isoformat().replace("+00:00", "Z") if heading.is_zulu else at.isoformat())
        case date():
            text = _text(value.isoformat())
        case _:
            text = str(value)
    return text


def exactly(value: Decimal) -> str:
    """Return all digits of a number, without an exponent or trailing zeros."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def unmistakable(number: str) -> str:
    """Append a zero to numbers with three decimals. With decimal commas, spreadsheets read 2.125 as 2125."""
    return f"{number}0" if _LIKE_THOUSANDS.fullmatch(number) else number


def _text(value: str) -> str:
    return '"' + harmless(value).replace('"', '""') + '"'


def _line(values: Iterator[str], before: str = "") -> bytes:
    return "".join(chain((before, ",".join(values), "\r\n"))).encode()
