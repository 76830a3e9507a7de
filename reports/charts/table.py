"""Tables: shown below a chart or alone, with the same rows as the downloads."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from events.lib.formatting import shorten
from events.lib.sparkline import sparkline
from events.spreadsheets.sheet import UTC, Formatted, Heading, Sheet
from reports.charts.numbers import NOTHING, Number, Unit, Writer

LONGEST = 48  # characters of a text; longer ones are shortened in the middle
LONGEST_ID = 16  # of an id
SHOWN = 200  # rows on a page; downloads have all


_NUMBER = re.compile(r"(?P<whole>[-+]?[\d,]+)(?P<places>\.\d+)?(?P<unit>(?: (?:%|[A-Z]{3}))?)")
_TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its own unit, in a column with different units."""

    value: Number | None
    unit: Unit


@dataclass(frozen=True, slots=True)
class Moment:
    """A time. Pages show its label, files the exact time."""

    at: datetime  # in the reader's time zone
    label: str
    is_day: bool = False  # True for a whole day

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True, slots=True)
class Column:
    """A column. Without a unit, it contains texts or amounts."""

    name: str  # in files and URLs
    title: str
    unit: Unit | None = None
    has_bar: bool = False  # if size matters
    is_heat: bool = False  # shaded by size, among all columns that are
    is_amounts: bool = False
    is_prose: bool = False  # sentences, which aren't cut
    is_id: bool = False  # said by its beginning and end
    note: str = ""  # explains the title
    is_estimate: bool = False  # its numbers are from a histogram or a sample, or of the future
    zone: str = ""  # of its dates; that of times is known from them

    @property
    def is_number(self) -> bool:
        """True if its values are right-aligned."""
        return self.unit is not None or self.is_amounts


@dataclass(frozen=True, slots=True)
class Trend:
    """A cell with a small line. Files get its values."""

    values: tuple[Number | None, ...]

    def __str__(self) -> str:
        return " ".join("-" if value is None else str(value) for value in self.values)


Cell = Any  # a number, a text, a time, a Moment, an Amount, a Trend or None


@dataclass(frozen=True, slots=True)
class Row:
    """A row: a value for each column, None where there is none."""

    cells: tuple[Cell, ...]
    href: str = ""  # of the first cell
    hrefs: dict[str, str] = field(default_factory=dict)  # of further cells, by name of the column
    hue: int | None = None  # hue in the drawing next to it
    tones: dict[str, str] = field(default_factory=dict)  # good or bad, by name of the column


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows, in the most useful order."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def ordered(self, by: str) -> "Table":
        """Return the table sorted by a column; a minus before its name sorts descending.

        Missing values come last.
        """
        name = by.removeprefix("-")
        place = next((n for n, column in enumerate(self.columns) if column.name == name), None)
        if place is None:
            return self
        known = [row for row in self.rows if _plain(row.cells[place]) is not None]
        empty = [row for row in self.rows if _plain(row.cells[place]) is None]
        known.sort(key=lambda row: _key(row.cells[place]), reverse=by.startswith("-"))
        return replace(self, rows=(*known, *empty))

    def in_utc_hours(self, names: Iterable[str]) -> "Table":
        """Return the same table with a note (page and CSV) that columns count whole UTC hours."""
        named = {name: f"{name}_in_utc_hours" for name in names}
        columns = tuple(
            replace(
                column,
                name=named[column.name],
                note=". ".join(filter(None, (column.note, "By whole UTC hours"))),
            )
            if column.name in named
            else column
            for column in self.columns
        )
        rows = tuple(
            replace(
                row,
                hrefs={named.get(name, name): href for name, href in row.hrefs.items()},
                tones={named.get(name, name): tone for name, tone in row.tones.items()},
            )
            for row in self.rows
        )
        return Table(columns, rows)

    def sheet(self, title: str) -> Sheet:
        """Return all rows for a file, with exact values. Amounts get another column for their unit."""
        headings: list[Heading] = []
        amounts = next((n for n, column in enumerate(self.columns) if column.is_amounts), None)
        for place, column in enumerate(self.columns):
            headings.append(self._heading(place, column))
            if place == amounts:
                headings.append(Heading("unit"))
        return Sheet(title, headings, self._values(amounts))

    def _heading(self, place: int, column: Column) -> Heading:
        times = [value for row in self.rows if isinstance(value := _time(row.cells[place]), datetime)]
        zone = column.zone
        if times:
            zone = times[0].tzinfo.key if isinstance(times[0].tzinfo, ZoneInfo) else UTC
        return Heading(
            column.name,
            zone=zone,
            unit=column.unit.in_files if column.unit else "",
            is_estimate=column.is_estimate,
            is_day=any(isinstance(row.cells[place], Moment) and row.cells[place].is_day for row in self.rows),
            number_format=column.unit.number_format if column.unit else "",
        )

    def _values(self, amounts: int | None) -> Iterator[list[object]]:
        for row in self.rows:
            values = [_in_file(value) for value in row.cells]
            if amounts is not None:
                of = row.cells[amounts]
                unit = (of.unit.in_files or of.unit.name) if isinstance(of, Amount) else None
                values.insert(amounts + 1, unit)
            yield values

    def shown(self) -> list[list["Shown"]]:
        """Return the cells of the first SHOWN rows, formatted for people."""
        most = {
            place: _most(self.rows, [place]) for place, column in enumerate(self.columns) if column.has_bar
        }
        heated = [place for place, column in enumerate(self.columns) if column.is_heat]
        hottest = _most(self.rows, heated)
        rows = self.rows[:SHOWN]
        found = []
        for place, column in enumerate(self.columns):
            write = _writers([row.cells[place] for row in rows], column)
            cells = [_shown(row, place, column, write, most.get(place, 0.0), hottest) for row in rows]
            found.append(_lined_up(cells, column))
        return [list(cells) for cells in zip(*found, strict=True)]

    @property
    def is_cut(self) -> bool:
        """True if the page doesn't show all rows."""
        return len(self.rows) > SHOWN


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as shown on a page."""

    text: str
    exact: str = ""  # on hover, if the text is shortened
    href: str = ""
    tone: str = ""
    hue: int | None = None
    bar: float | None = None  # percent
    heat: int | None = None  # tenths
    is_number: bool = False
    is_prose: bool = False
    is_id: bool = False

    @property
    def is_in_one_line(self) -> bool:
        """True if it must not wrap: an id, a date or a time."""
        return self.is_id or _TIME.fullmatch(self.text) is not None


# Formats of a column's values, by unit.
Writers = dict[str, Writer]


def _writers(cells: list[Cell], column: Column) -> Writers:
    found: dict[str, tuple[Unit, list[Number]]] = {}
    for cell in cells:
        unit, value = _unit(cell, column), _plain(cell)
        if unit and value not in (None, ""):
            found.setdefault(unit.name, (unit, []))[1].append(value)
    return {name: unit.writer(values) for name, (unit, values) in found.items()}


def _unit(cell: Cell, column: Column) -> Unit | None:
    return cell.unit if isinstance(cell, Amount) else column.unit


def _shown(row: Row, place: int, column: Column, writers: Writers, most: float, hottest: float) -> Shown:
    value, unit = _plain(row.cells[place]), _unit(row.cells[place], column)
    text, exact = _texts(value, unit, writers)
    if column.is_id:
        text = shorten(exact, LONGEST_ID)
    if column.is_prose:
        text = exact
    size = float(value) if column.unit and value is not None else 0.0
    href = row.hrefs.get(column.name, row.href if place == 0 else "")
    return Shown(
        text,
        exact if exact != text else "",
        href="" if column.unit and not value else href,  # a zero has no link
        tone=row.tones.get(column.name, ""),
        hue=row.hue if place == 0 else None,
        bar=round(max(size, 0.0) * 100 / most, 1) if column.has_bar and most and value is not None else None,
        heat=round(max(size, 0.0) * 10 / hottest) if column.is_heat and hottest and value else None,
        is_number=column.is_number,
        is_prose=column.is_prose,
        is_id=column.is_id,
    )


def _lined_up(cells: list[Shown], column: Column) -> list[Shown]:
    """Return the cells of a column. All numbers have as many decimals as the longest; zero has none."""
    found = [_NUMBER.fullmatch(cell.text) if column.unit else None for cell in cells]
    places = max((len(number["places"] or "") for number in found if number), default=0)
    return [
        cell if number is None else _padded(cell, number, places)
        for cell, number in zip(cells, found, strict=True)
    ]


def _padded(cell: Shown, number: re.Match[str], places: int) -> Shown:
    after = number["places"] or ""
    if len(after) == places or (number["whole"] == "0" and not after):
        return cell
    text = f"{number['whole']}{(after or '.').ljust(places, '0')}{number['unit']}"
    return replace(cell, text=text, exact=cell.exact or cell.text)


def _texts(value: Cell, unit: Unit | None, writers: Writers) -> tuple[str, str]:
    if value is None or value == "":
        return NOTHING, NOTHING
    if unit:
        return writers[unit.name](value), unit.exact(value)
    if isinstance(value, datetime):
        return clock(value), value.isoformat()
    if isinstance(value, Moment):
        return value.label, value.label if value.is_day else value.at.isoformat()
    if isinstance(value, Trend):
        return sparkline(value.values), ""
    return shorten(str(value), LONGEST), str(value)


def _most(rows: tuple[Row, ...], places: list[int]) -> float:
    values: list[Number] = [
        row.cells[place] for row in rows for place in places if row.cells[place] is not None
    ]
    return float(max(values, default=0))


def clock(at: datetime) -> str:
    """Format a time to the minute, with its UTC offset if the clocks show that hour twice."""
    return f"{at:%Y-%m-%d %H:%M}{offset_if_twice(at)}"


def offset_if_twice(at: datetime) -> str:
    """Return the UTC offset if the clocks show this time twice, else an empty text."""
    if at.utcoffset() == at.replace(fold=1 - at.fold).utcoffset():
        return ""
    return f" ({at.isoformat()[-6:]})"


def _plain(value: Cell) -> Cell:
    return value.value if isinstance(value, Amount) else value


def _time(value: Cell) -> Cell:
    return value.at if isinstance(value, Moment) else value


def _in_file(value: Cell) -> Cell:
    if isinstance(value, Amount):
        return Formatted(value.value, value.unit.number_format)
    return _time(value)


def _key(value: Cell) -> Cell:
    value = _plain(value)
    if isinstance(value, Moment):
        return value.at
    if isinstance(value, Trend):
        return sum(float(each) for each in value.values if each is not None)
    return value.casefold() if isinstance(value, str) else value
