"""XLSX: numbers are numbers, times are times, and texts stay unchanged, even `0001194` and `=1+1`.

XlsxWriter keeps one row in memory and the others in a temporary folder (docs/decisions/141).
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from zipfile import ZipFile

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from events.spreadsheets.formulas import harmless
from events.spreadsheets.sheet import UTC, Cell, Formatted, Heading, Sheet, plain

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_048_576  # of a sheet, its head included; more go on another sheet
LONGEST = 32_767  # UTF-16 units in a cell
EXACT = 10**15  # Excel keeps 15 digits of a number; a longer whole number is an id, and written as text
FIRST_YEAR = 1900  # of Excel's calendar
NARROWEST, WIDEST = 9, 60  # characters
LONGEST_NUMBER = 14  # characters that a number is given
MEASURED = 1_000  # rows that widths are made of
DAY, MOMENT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
MILLISECONDS = f"{MOMENT}.000"
_UNNAMEABLE = re.compile(r"[\[\]:*?/\\']")
_CHUNK, _OVERLAP = 1 << 20, 1 << 18  # characters; a cell that is all escapes is shorter than the overlap
_ESCAPED = re.compile("_x([0-9A-F]{4})_")


def write(sheets: Iterable[Sheet], file: IO[bytes], folder: Path | None = None) -> None:
    """Write a workbook. `folder` holds the rows until they are compressed; by default the system's."""
    with TemporaryDirectory(dir=folder) as temporary:
        output = _Output(file)
        workbook = Workbook(output, {"constant_memory": True, "tmpdir": temporary})
        formats = _Formats(workbook)
        titles: set[str] = set()
        workbook.use_zip64()
        try:
            for sheet in sheets:
                _Writer(workbook, formats, titles, sheet).write()
            workbook.close()
        finally:  # the library closes its files only on success
            output.file = None
            for worksheet in workbook.worksheets():
                worksheet._opt_close()


class _Output:
    """The file for the library.

    After closing it accepts no more data: when the archive of a failed export is garbage-collected, it would
    write again.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file: IO[bytes] | None = file
        self._at = 0

    def write(self, content: bytes) -> int:
        self._at += len(content)
        return self.file.write(content) if self.file else len(content)

    def seek(self, place: int) -> int:
        self._at = place
        return self.file.seek(place) if self.file else place

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        if self.file:
            self.file.flush()


def texts_in(file: IO[bytes] | Path) -> Iterator[str]:
    """Yield all text of a workbook in pieces. They overlap, so that each cell is complete in one of them."""
    with ZipFile(file) as archive:
        for member in archive.namelist():
            decoder, before = codecs.getincrementaldecoder("utf-8")("replace"), ""
            with archive.open(member) as stream:
                while chunk := stream.read(_CHUNK):
                    text = before + decoder.decode(chunk)
                    yield _ESCAPED.sub(lambda found: chr(int(found[1], 16)), unescape(text))
                    before = text[-_OVERLAP:]


class _Formats:
    """The formats of a workbook, each created once."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._made: dict[tuple[tuple[str, object], ...], Format] = {}

    def of(self, **properties: object) -> Format:
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._workbook.add_format(properties)
        return self._made[key]

    def number(self, number_format: str) -> Format | None:
        return self.of(num_format=number_format) if number_format else None


@dataclass
class _Column:
    """A column of the file: a heading, in its own zone or once more in UTC."""

    place: int  # in the rows of the sheet
    heading: Heading
    text: str
    number: Format | None
    widest: int = 0

    @property
    def width(self) -> int:
        """Return the width for its values, and for the heading with the filter button."""
        return max(NARROWEST, min(max(self.widest + 2, len(self.text) + 4), WIDEST))


@dataclass
class _Writer:
    """Writes the rows of one sheet, to as many worksheets as needed."""

    workbook: Workbook
    formats: _Formats
    titles: set[str]
    sheet: Sheet
    columns: list[_Column] = field(default_factory=list)

    def write(self) -> None:
        self.columns = self._columns()
        worksheet, at = self._begin(), 1
        for row in self.sheet.rows:
            if at == MOST_ROWS:
                self._end(worksheet, at)
                worksheet, at = self._begin(), 1
            for column, each in enumerate(self.columns):
                self._put(worksheet, at, column, each, row[each.place])
            at += 1
        self._end(worksheet, at)

    def _columns(self) -> list[_Column]:
        """Return the columns of the sheet.

        Clocks may show an hour twice, so UTC times are next to local ones.
        """
        found = []
        heads = self.sheet.head()
        for place, (heading, text) in enumerate(zip(self.sheet.headings, heads, strict=True)):
            found.append(_Column(place, heading, text, self.formats.number(heading.number_format)))
            if heading.zone not in ("", UTC) and not heading.is_day:
                twin = Heading(heading.name, UTC)
                found.append(_Column(place, twin, twin.text, None))
        return found

    def _begin(self) -> Worksheet:
        worksheet = self.workbook.add_worksheet(_title(self.sheet.title, self.titles))
        worksheet.freeze_panes(1, 0)
        for place, column in enumerate(self.columns):
            head = self.formats.of(bold=True, bottom=1, align="right" if column.number else "left")
            worksheet.write_string(0, place, column.text, head)
        return worksheet

    def _end(self, worksheet: Worksheet, rows: int) -> None:
        for place, column in enumerate(self.columns):
            worksheet.set_column(place, place, column.width)
        if self.columns:
            worksheet.autofilter(0, 0, max(rows - 1, 1), len(self.columns) - 1)
            worksheet.ignore_errors({"number_stored_as_text": f"A1:XFD{MOST_ROWS}"})

    def _put(self, worksheet: Worksheet, at: int, place: int, column: _Column, value: object) -> None:
        number = column.number
        if isinstance(value, Formatted):
            number = self.formats.number(value.number_format)
        value, width = _fitting(plain(value)), 0
        match value:
            case None:
                return
            case bool():
                worksheet.write_boolean(at, place, value)
            case str():
                width = max((len(line) for line in value[:1_000].splitlines()), default=0)
                # Without this mark, editing the cell would turn it into a formula.
                mark = self.formats.of(quote_prefix=True) if harmless(value) != value else None
                if value.startswith("<r>") and value.endswith("</r>"):
                    # The library would parse such a text as markup unless it is passed in parts.
                    marks = [mark] if mark else []
                    worksheet.write_rich_string(at, place, value[:1], value[1:2], value[2:], *marks)
                else:
                    worksheet.write_string(at, place, value, mark)
            case datetime():
                number_format = (
                    DAY if column.heading.is_day else MILLISECONDS if value.microsecond else MOMENT
                )
                width = len(number_format)
                local = value.astimezone(column.heading.clock).replace(tzinfo=None)
                worksheet.write_datetime(
                    at, place, local, self.formats.of(num_format=number_format, align="left")
                )
            case date():
                width = len(DAY)
                worksheet.write_datetime(at, place, value, self.formats.of(num_format=DAY, align="left"))
            case _:
                width = min(len(str(value)), LONGEST_NUMBER)
                worksheet.write_number(at, place, value, number)
        if at < MEASURED:
            column.widest = max(column.widest, width)


def _fitting(value: Cell) -> Cell:
    """Return a value that Excel can hold: the value itself, or a text of it."""
    match value:
        case str() if len(value) > LONGEST // 2:
            return _cut(value)
        case int() if abs(value) >= EXACT:
            return str(value)
        case Decimal() if abs(value) >= EXACT and value == int(value):
            return str(int(value))
        case date() if value.year <= FIRST_YEAR:
            return value.isoformat()
    return value


def _cut(text: str) -> str:
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST:
        return text
    note = f"… (cut; CSV has all {len(text):,} characters)"
    return units[: 2 * (LONGEST - len(note))].decode("utf-16-le", "ignore") + note


def _title(title: str, taken: set[str]) -> str:
    """Return a name for a tab: at most 31 characters, without forbidden ones, and unique."""
    base = _UNNAMEABLE.sub(" ", title).strip()[:27].strip() or "Sheet"
    name, place = base, 1
    while name.casefold() in taken:
        place += 1
        name = f"{base} {place}"
    taken.add(name.casefold())
    return name
