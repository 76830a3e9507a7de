"""Sheets: a table to be written to a file, the same for every format."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cached_property
from math import isfinite
from zoneinfo import ZoneInfo

UTC = "UTC"


@dataclass(frozen=True)
class Heading:
    """The heading of a column: its name, and what readers must know about its values."""

    name: str
    zone: str = ""  # name of the time zone of its times
    unit: str = ""  # unit of its numbers, unless the name says it
    is_estimate: bool = False
    is_day: bool = False  # its times are the first moments of days
    is_zulu: bool = False  # CSV has its times in UTC with a Z, not with +00:00
    number_format: str = ""  # of XLSX

    @property
    def text(self) -> str:
        """Return the name, with zone, unit and "estimate" in parentheses."""
        said = ", ".join(part for part in (self.zone, self.unit, "estimate" * self.is_estimate) if part)
        return f"{self.name} ({said})" if said else self.name

    @cached_property
    def clock(self) -> tzinfo:
        """Return the zone object, or UTC if it has none."""
        return ZoneInfo(self.zone or UTC)


@dataclass(frozen=True, slots=True)
class Formatted:
    """A number with a different format in XLSX than its column."""

    value: object
    number_format: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. Its rows may come from a generator, since files are written as rows arrive."""

    title: str  # XLSX shows it on the tab
    headings: Sequence[Heading]
    rows: Iterable[Sequence[object]]

    def head(self) -> list[str]:
        """Return the headings' texts. They are unique, since programs that read tables rely on that."""
        found: dict[str, None] = {}
        for heading in self.headings:
            base = text = _encodable(heading.text) or "(no name)"
            place = 1
            while text in found:
                place += 1
                text = f"{base} {place}"
            found[text] = None
        return list(found)


# Types of a cell; all other values are converted to one of them.
Cell = str | bool | int | float | Decimal | datetime | date | None


def cells(sheet: Sheet) -> Iterator[list[Cell]]:
    """Yield the rows of a sheet without the formats."""
    for row in sheet.rows:
        yield [plain(value) for value in row]


def plain(value: object) -> Cell:
    """Return a value as one of the types that files support. Numbers that aren't finite become text."""
    if value is None or isinstance(value, str | bool | int | datetime | date):
        return _encodable(value) if isinstance(value, str) else value
    if isinstance(value, Formatted):
        return plain(value.value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return value if value.is_finite() else str(value)
    if isinstance(value, dict | list):
        return _encodable(json.dumps(value, ensure_ascii=False))
    return _encodable(str(value))


def _encodable(text: str) -> str:
    """Replace lone surrogates, which UTF-8 can't encode."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
