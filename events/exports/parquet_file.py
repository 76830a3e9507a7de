"""Parquet: typed columns for programs that analyze data, written in row groups so that memory stays constant.

A process of its own writes the file: `parquet_process`. It needs pyarrow, which is optional:
requirements/lake.in.
"""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from shutil import copyfileobj
from struct import Struct
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple

import msgspec
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from msgspec import Raw

from events.event import Event
from events.exports.lines import wires_of
from events.kinds.base import Kind
from events.lib.fields import AnyField
from events.spreadsheets.sheet import plain
from events.store.plain_rows import PlainPair, plain_class

TYPE = "application/vnd.apache.parquet"
MISSING = "Parquet needs pyarrow, which this server doesn't have. An operator can add it: make lake."

WIRE = "wire"
DECIMALS = Decimal(1).scaleb(-18)  # exact numbers are rounded to these
_LENGTH = Struct(">I")
_encode = msgspec.msgpack.Encoder(decimal_format="string").encode

# Types of columns by field, special ones first.
_TYPES: tuple[tuple[type[AnyField], str], ...] = (
    (ArrayField, "texts"),
    (models.JSONField, "text"),
    (models.DateTimeField, "time"),
    (models.BooleanField, "flag"),
    (models.FloatField, "double"),
    (models.DecimalField, "unsigned"),
    (models.ForeignKey, "text"),
    (models.IntegerField, "integer"),
)
_OF_VALUES: tuple[tuple[str, set[type]], ...] = (
    ("flag", {bool}),
    ("integer", {int}),
    ("double", {int, float}),
    ("decimal", {int, Decimal}),
    ("time", {datetime}),
    ("day", {date}),
)
Values = Sequence[Any]


class Column(NamedTuple):
    """A column of a file."""

    name: str
    type: str  # one of `parquet_process.TYPES`


class UnavailableError(Exception):
    """pyarrow isn't installed."""

    def __init__(self) -> None:
        super().__init__(MISSING)


def is_available() -> bool:
    """True if pyarrow is installed."""
    return find_spec("pyarrow") is not None


def write_events(
    pages: Iterable[list[PlainPair]],
    model: type[Event] | type[Kind],
    file: IO[bytes],
    folder: Path | None,
) -> None:
    """Write events: columns of the envelope, those of the kind if `model` is one, and the wire form."""
    chosen: list[tuple[Any, AnyField, str]] = [
        (Event, field, field.name) for field in Event._meta.concrete_fields
    ]
    if issubclass(model, Kind):
        # A kind may have a column with the same name as one of the envelope.
        own = [*model.columns(), *model.computed()]
        chosen += [(model, field, f"{model.name()}.{field.attname}") for field in own]
    columns = [Column(name, _type_of(field)) for _, field, name in chosen]
    places = [(of is Event, plain_class(of)._fields.index(field.name)) for of, field, _ in chosen]
    write([*columns, Column(WIRE, "text")], _batches(pages, places, model), file, folder)


def _type_of(field: AnyField) -> str:
    return next((name for kind, name in _TYPES if isinstance(field, kind)), "text")


def _batches(
    pages: Iterable[list[PlainPair]], places: Sequence[tuple[bool, int]], model: Any
) -> Iterator[list[Values]]:
    """Yield the columns of each page: those at places of the envelope or of the kind's row."""
    missing = (None,) * len(plain_class(model)._fields)
    for page in filter(None, pages):
        wires = wires_of(page)
        envelope = list(zip(*(event for event, _ in page), strict=True))
        own = list(zip(*(detail or missing for _, detail in page), strict=True)) if model is not Event else []
        columns = ((envelope if of_event else own)[at] for of_event, at in places)
        yield [*map(_of_events, columns), [wires.get(event.id) for event, _ in page]]


def _of_events(values: Values) -> Values:
    """Return stored JSON as text, and owners and sources by name."""
    match next((value for value in values if value is not None), None):
        case Raw():
            return [None if value is None else bytes(value).decode() for value in values]
        case dict():
            return [None if value is None else msgspec.json.encode(value).decode() for value in values]
        case models.Model():
            return [value.name for value in values]
    return values


def write_rows(
    columns: Sequence[Column], pages: Iterable[Sequence[Values]], file: IO[bytes], folder: Path | None
) -> None:
    """Write rows other than events."""
    converters = [_CONVERTERS.get(column.type) for column in columns]
    batches = (
        [
            values if convert is None else [None if value is None else convert(value) for value in values]
            for convert, values in zip(converters, zip(*page, strict=True), strict=True)
        ]
        for page in pages
        if page
    )
    write(columns, batches, file, folder)


def type_of_values(values: Iterable[object]) -> str:
    """Return the type of a column by its values; text if they differ."""
    found = {type(value) for value in values if value is not None}
    return next((name for name, types in _OF_VALUES if found and found <= types), "text")


def _decimal(value: object) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return Decimal(str(value)).quantize(DECIMALS)


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    cell = plain(value)
    return cell.isoformat() if isinstance(cell, date) else str(cell)


_CONVERTERS: dict[str, Callable[[object], object]] = {"decimal": _decimal, "text": _text}


def write(
    columns: Sequence[Column], batches: Iterable[Sequence[Values]], file: IO[bytes], folder: Path | None
) -> None:
    """Write batches of rows, each a list of values for every column. Raises `UnavailableError`."""
    if not is_available():
        raise UnavailableError
    with TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / "rows.parquet"
        command = [sys.executable, "-m", "events.exports.parquet_process", str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=settings.BASE_DIR) as process:
            assert process.stdin is not None
            try:
                for message in chain([columns], batches, [()]):
                    content = _encode(message)
                    process.stdin.write(_LENGTH.pack(len(content)) + content)
                process.stdin.close()
            except BaseException:
                process.kill()  # an unfinished file is of no use
                raise
        if process.returncode:
            raise RuntimeError(f"The process that writes Parquet ended with {process.returncode}")
        with path.open("rb") as written:
            copyfileobj(written, file)
