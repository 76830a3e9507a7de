"""Formats of exports: the events of a list as CSV, XLSX or lines of JSON, one page of rows at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.db import models
from msgspec import Raw

from events.event import Event
from events.exports import parquet_file
from events.exports.lines import json_lines
from events.kinds.base import Kind
from events.lib.fields import AnyField
from events.spreadsheets.files import FORMATS
from events.spreadsheets.sheet import UTC, Heading, Sheet
from events.store.plain_rows import PlainPair, decoded

ROWS = 500  # held at a time
NAMED = ("owner", "source")  # by name, not by key
Pages = Iterable[list[PlainPair]]


ListModel = type[Event] | type[Kind]


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format of exports.

    `write` takes pages, the model of the list, the file and a folder for what is temporary.
    """

    title: str
    type: str
    write: Callable[[Pages, ListModel, IO[bytes], Path | None], None]


def event_sheet(pages: Pages, model: ListModel = Event) -> Sheet:
    """Return a table with a row for each event, and with the columns of the kind, if `model` is one."""
    envelope = Event._meta.concrete_fields
    own = list[AnyField]()
    # A kind may have a column with the same name as one of the envelope.
    headings = [_heading(field, field.name) for field in envelope]
    if issubclass(model, Kind):
        own = [*model.columns(), *model.computed()]
        headings += [_heading(column, f"{model.name()}.{column.attname}") for column in own]
    names, attributes = [field.name for field in envelope], [column.attname for column in own]
    return Sheet("Events", headings, _rows(pages, names, attributes))


def _heading(field: AnyField, name: str) -> Heading:
    return Heading(name, UTC if isinstance(field, models.DateTimeField) else "")


def _rows(pages: Pages, names: list[str], attributes: list[str]) -> Iterator[list[object]]:
    for page in pages:
        for event, detail in page:
            values = [_value(event, name) for name in names]
            yield [*values, *(_decoded(getattr(detail, name, None)) for name in attributes)]


def _value(event: Any, name: str) -> object:
    value = getattr(event, name)
    return value.name if name in NAMED else _decoded(value)


def _decoded(value: object) -> object:
    return decoded(value) if type(value) is Raw else value


def _sheets(form: str) -> ExportFormat:
    found = FORMATS[form]

    def write(pages: Pages, model: ListModel, file: IO[bytes], folder: Path | None) -> None:
        found.write(event_sheet(pages, model), file, folder)

    return ExportFormat(found.title, found.type, write)


def _write_lines(pages: Pages, _: object, file: IO[bytes], __: Path | None) -> None:
    file.writelines(json_lines(pages))


EXPORT_FORMATS = {form: _sheets(form) for form in FORMATS} | {
    "ndjson": ExportFormat("NDJSON", "application/x-ndjson", _write_lines),
    "parquet": ExportFormat("Parquet", parquet_file.TYPE, parquet_file.write_events),
}
