"""The rows of an export, and how a file of each format has them."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.http import QueryDict

from events.access import Access
from events.exports import parquet_file
from events.exports.formats import EXPORT_FORMATS, ListModel
from events.spreadsheets.files import FORMATS
from events.spreadsheets.sheet import Heading, Sheet
from events.store.plain_rows import PlainPair

Rows = Iterable[list[Any]]  # one page at a time


@dataclass(frozen=True)
class Exported:
    """The pages of an export, and a function that writes them in a format to a file."""

    pages: Iterator[list[Any]]
    write: Callable[[str, Rows, IO[bytes], Path | None], None]


# By the name in requests to the API. Raises `BadParameter` for filters that it can't apply.
EXPORTABLE: dict[str, Callable[[Access, QueryDict], Exported]] = {}


def of_events(pages: Iterator[list[PlainPair]], model: ListModel) -> Exported:
    """Return an export of events, with the columns of the kind if `model` is one."""

    def write(form: str, rows: Rows, file: IO[bytes], folder: Path | None) -> None:
        EXPORT_FORMATS[form].write(rows, model, file, folder)

    return Exported(pages, write)


@dataclass(frozen=True)
class Table:
    """Rows other than events: their columns, and their values as cells and as JSON."""

    title: str
    headings: Sequence[Heading]
    cells: Callable[[list[Any]], Iterable[Sequence[object]]]
    members: Callable[[list[Any]], Iterable[object]]
    types: Sequence[str]  # of the columns in Parquet

    def exported(self, pages: Iterator[list[Any]]) -> Exported:
        """Return the export of these rows."""
        return Exported(pages, self._write)

    def _names(self) -> list[str]:
        return [heading.name for heading in self.headings]

    def _write(self, form: str, pages: Rows, file: IO[bytes], folder: Path | None) -> None:
        if form == "ndjson":
            file.writelines(_encode(row).encode() + b"\n" for page in pages for row in self.members(page))
            return
        if form == "parquet":
            columns = [parquet_file.Column(*each) for each in zip(self._names(), self.types, strict=True)]
            parquet_file.write_rows(columns, (list(self.cells(page)) for page in pages), file, folder)
            return
        rows = (row for page in pages for row in self.cells(page))
        FORMATS[form].write(Sheet(self.title, self.headings, rows), file, folder)


_encode = json.JSONEncoder(separators=(",", ":")).encode
