"""Types of fields: the operators that each has, and how the text of a parameter becomes a value."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

from events.lib import times
from events.wire.values import is_unstorable

EXACT, IN, CONTAINS, ISNULL = "exact", "in", "contains", "isnull"
RANGE = ("gt", "gte", "lt", "lte")
OPERATORS = (EXACT, IN, *RANGE, CONTAINS, ISNULL)
FLAGS = {"true": True, "false": False, "yes": True, "no": False}
_QUOTED = re.compile(r'"((?:[^"]|"")*+)"(?=,|\Z)')
LONGEST_PATTERN = 1_000  # characters that are looked for in texts of JSON


@dataclass(frozen=True, eq=False)
class FieldType:
    """A type of field. `read` raises ValueError with a sentence about what the value may be."""

    name: str
    operators: tuple[str, ...]
    read: Callable[[str], Any]
    schema: Mapping[str, Any]  # of the value, for OpenAPI

    def values(self, operator: str, text: str) -> tuple[Any, ...]:
        """Return the values of a parameter. Raises ValueError."""
        if operator == ISNULL:
            return (read_flag(text),)
        if operator == IN:
            return tuple(self.read(each) for each in split_list(text))
        if operator == CONTAINS and self is JSON and len(text) > LONGEST_PATTERN:
            raise ValueError(f"At most {LONGEST_PATTERN:,} characters.")
        return (self.read(text),)


def split_list(text: str) -> list[str]:
    """Split values at commas, as CSV does: one in quotes may contain commas, and quotes twice."""
    found, place = [], 0
    while True:
        quoted = _QUOTED.match(text, place)
        if quoted is None and text.startswith('"', place):
            raise ValueError('Close the quotes, write quotes inside them twice: "a ""b"", c",d.')
        comma = text.find(",", place)
        end = quoted.end() if quoted else comma if comma >= 0 else len(text)
        found.append(quoted[1].replace('""', '"') if quoted else text[place:end])
        if end == len(text):
            return found
        place = end + 1


def read_text(text: str) -> str:
    """Return the text. Raises ValueError for one that can't be stored."""
    if is_unstorable(text):
        raise ValueError("No stored text has NUL or half a surrogate pair.")
    return text


def read_flag(text: str) -> bool:
    """Return true or false."""
    found = FLAGS.get(text.strip().lower())
    if found is None:
        raise ValueError("true or false.")
    return found


def read_double(text: str) -> float:
    """Return a finite number."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or not text.isascii() or "_" in text:
        raise ValueError("Enter a number.")
    return found


def read_time(text: str) -> datetime:
    """Return a time in ISO 8601."""
    try:
        found = times.parse_time(read_text(text))
        found.utctimetuple()
    except OverflowError as error:
        raise ValueError("This time is outside of the calendar.") from error
    except ValueError as error:
        raise ValueError(f"{error}.") from error
    return found


def read_id(text: str) -> UUID:
    """Return a UUID."""
    try:
        return UUID(text.strip())
    except ValueError:
        raise ValueError("Enter a UUID.") from None


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = read_double(text)
        try:
            found = int(text) if number.is_integer() and "e" not in text.lower() else int(Decimal(text))
        except (ValueError, InvalidOperation):
            raise ValueError("Enter a whole number.") from None
        if not number.is_integer() or not lowest <= found <= highest:
            raise ValueError(f"Enter a whole number from {lowest} to {highest}.")
        return found

    return read


def _decimal(digits: int, places: int) -> Callable[[str], Decimal]:
    def read(text: str) -> Decimal:
        read_double(text)
        found = Decimal(text.strip())
        exponent = found.as_tuple().exponent
        if abs(found) >= 10 ** (digits - places) or (isinstance(exponent, int) and -exponent > places):
            raise ValueError(f"Enter a number of up to {digits} digits, {places} of them after the point.")
        return found

    return read


def one_of(names: Iterable[str]) -> FieldType:
    """Return the type of a text that is one of a few names, which are compared without case."""
    offered = {name.lower(): name for name in names}

    def read(text: str) -> str:
        found = offered.get(text.strip().lower())
        if found is None:
            raise ValueError(f"{text[:60]!r} is none of: {', '.join(sorted(offered.values()))}.")
        return found

    return FieldType("choice", (EXACT, IN), read, {"type": "string", "enum": sorted(offered.values())})


_TEXT = {"type": "string"}
_NUMERIC = (EXACT, IN, *RANGE, ISNULL)
TEXT = FieldType("text", (EXACT, IN, CONTAINS, ISNULL), read_text, _TEXT)
# Names of owners and sources, in any case.
NAME = FieldType("name", (EXACT, IN), read_text, _TEXT)
TEXTS = FieldType("list of texts", (EXACT, IN, CONTAINS, ISNULL), read_text, _TEXT)
NUMBER = FieldType("number", _NUMERIC, read_double, {"type": "number"})
WHOLE = FieldType("whole number", _NUMERIC, _whole(-(2**63), 2**63 - 1), {"type": "integer"})
FLAG = FieldType("true or false", (EXACT, ISNULL), read_flag, {"type": "boolean"})
TIME = FieldType("time", (*RANGE, EXACT, ISNULL), read_time, {"type": "string", "format": "date-time"})
ID = FieldType("id", (EXACT, IN, *RANGE), read_id, {"type": "string", "format": "uuid"})
# A JSON value, or one below it: compared as text, and as a number, true, false or null if it reads as one.
JSON = FieldType("JSON", (EXACT, IN, *RANGE, CONTAINS, ISNULL), read_text, _TEXT)


def type_of(column: models.Field[Any, Any]) -> FieldType:
    """Return the type of a model's column. Raises TypeError for columns that aren't fields."""
    if isinstance(column, models.DecimalField):
        read = _decimal(column.max_digits or 0, column.decimal_places or 0)
        return FieldType("number", _NUMERIC, read, {"type": "number"})
    for base, found in _BY_COLUMN:
        if isinstance(column, base):
            return found
    raise TypeError(f"{column} has no type of field")


_BY_COLUMN: tuple[tuple[type[models.Field[Any, Any]], FieldType], ...] = (
    (ArrayField, TEXTS),
    (models.JSONField, JSON),
    (models.BooleanField, FLAG),
    (models.DateTimeField, TIME),
    (models.UUIDField, ID),
    (models.FloatField, NUMBER),
    (models.IntegerField, WHOLE),
    (models.TextField, TEXT),
    (models.ForeignKey, NAME),
)
