"""The formats as documentation, from what the kinds declare: tables of docs/reference, and a page of our own.

The reference is written by hand; only what is between a pair of marks is generated.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString

from events.event import Event
from events.kinds import KINDS, KindEntry
from events.wire.columns import Need, WireField
from events.wire.dialects import DIALECTS
from events.wire.schema import Leaf
from ingestion.rejected import remedies
from ingestion.rejected.remedies import as_html

_REFERENCE = Path(settings.BASE_DIR) / "docs" / "reference"
PAGE = _REFERENCE / "formats.md"
_MARKED = re.compile(r"(<!-- made from the kinds: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_REMEDIES = re.compile(r"(<!-- made from ingestion/rejected/remedies.py -->\n).*?(<!-- end -->)", re.DOTALL)
COLUMNS = ("field", "type", "need", "column", "meaning")
_NEEDS = {
    Need.HARD: "hard",
    Need.PAGE: "soft (page)",
    Need.PIPELINE: "soft (pipeline)",
    Need.OPTIONAL: "optional",
}
_TYPES = {
    "TextField": "text",
    "FloatField": "number",
    "BigIntegerField": "whole number",
    "DecimalField": "whole number of 64 bits",
    "BooleanField": "true or false",
    "DateTimeField": "time in milliseconds",
    "ArrayField": "list of texts",
    "JSONField": "list",
    "ForeignKey": "text",
}


def renewed(page: str) -> str:
    """Return the page with regenerated tables."""
    return _MARKED.sub(lambda found: found[1] + _section(found[2]) + found[3], page)


def with_remedies(page: str) -> str:
    """Return the page about errors with a regenerated table of codes."""
    return _REMEDIES.sub(lambda found: found[1] + remedies.table() + found[2], page)


PAGES = {PAGE: renewed, _REFERENCE / "errors.md": with_remedies}


def _section(name: str) -> str:
    """Return the tables of a dialect: its envelope and its kinds."""
    entries = [entry for entry in KINDS.values() if entry.schema.dialect == name]
    parts = ["\n#### Envelope\n", *_table(map(envelope_row, DIALECTS[name].envelope))]
    for entry in entries:
        parts += _kind(entry)
    return re.sub("\n{3,}", "\n\n", "\n".join([*parts, ""]))


def _kind(entry: KindEntry) -> Iterator[str]:
    summary = (entry.model.__doc__ or "").strip().splitlines()[0]
    yield f"\n#### {entry.name}\n\n{summary}\n"
    columns = entry.model.columns()
    if columns:
        yield from _table(column_row(entry, column) for column in columns)
    else:
        yield "It has no fields of its own. Whatever is sent is stored.\n"
    for encoding, hard in entry.model.hard_by_encoding.items():
        listed = ", ".join(f"`{path}`" for path in sorted(hard))
        yield f"Sent as {encoding}, only these are hard: {listed}.\n"


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def envelope_row(leaf: Leaf) -> tuple[str, ...]:
    """Return the row of a field of an envelope."""
    column = Event._meta.get_field(leaf.column)
    return (f"`{leaf.dotted}`", _type(column), _NEEDS[leaf.need], f"`{leaf.column}`", _help(column))


def column_row(entry: KindEntry, column: WireField) -> tuple[str, ...]:
    """Return the row of a field of a kind."""
    path = ".".join((*entry.model.root(), column.path))
    assert isinstance(column, models.Field)
    return (f"`{path}`", _type(column), _need(column), f"`{column.attname}`", _meaning(entry, path, column))


def _meaning(entry: KindEntry, path: str, column: WireField) -> str:
    """Return the help text, and the expected value if it is checked."""
    expected = column.value_check.expected if column.value_check else entry.model.expected.get(path)
    return f"{_help(column)} Should be {expected}." if expected else _help(column)


def _need(column: WireField) -> str:
    """Return the need, with the conditions under which a soft field may be missing."""
    need = _NEEDS[column.need]
    if column.need in (Need.PAGE, Need.PIPELINE):
        if column.unless:
            need += f", unless `{column.unless}` is filled"
        if column.when:
            need += f", where `{column.when}` is filled"
        if column.within:
            need += ", within its object"
    return need


def _type(column: object) -> str:
    names = getattr(column, "names", ())
    if names:
        return "one of " + ", ".join(names)
    if type(column).__name__ == "Open":
        return "object"
    if type(column).__name__ == "Base64":
        return "bytes in base64"
    return next(_TYPES[kind.__name__] for kind in type(column).__mro__ if kind.__name__ in _TYPES)


def _help(column: object) -> str:
    text: str = getattr(column, "help_text", "")
    return str(text)


TITLES = {"availity": "Availity", "sunbird": "Sunbird Telemetry V3", "buildless": "Buildless"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field as a row of its table."""

    anchor: str
    cells: tuple[tuple[str, SafeString], ...]  # each with the title of its column


@dataclass(frozen=True, slots=True)
class Section:
    """The fields of a kind, or of the envelope of a format."""

    anchor: str
    title: str
    text: SafeString
    fields: tuple[Field, ...]


def view(request: HttpRequest) -> HttpResponse:
    """Show the fields of all formats. It needs no login: the formats are no secret."""
    context = {"formats": [(TITLES.get(name, name), sections(name)) for name in DIALECTS], "columns": COLUMNS}
    return render(request, "ingestion/formats.html", context)


def link(kind: str, dialect: str = "", path: str = "") -> str:
    """Return the address of a field's row, or else of its kind or format."""
    places = ([f"{kind}:{path}"] if kind else []) + [f"{dialect}:{path}"]
    found = next((place for place in places if place in _anchors()), kind if kind in KINDS else dialect)
    return f"{reverse('formats')}#{quote(found, safe=':.')}"


@cache
def _anchors() -> frozenset[str]:
    """Return the anchors of all fields."""
    return frozenset(
        field.anchor for name in DIALECTS for section in sections(name) for field in section.fields
    )


@cache
def sections(dialect: str) -> tuple[Section, ...]:
    """Return the envelope of a format and its kinds."""
    rows = [envelope_row(leaf) for leaf in DIALECTS[dialect].envelope]
    envelope = Section(dialect, "Envelope", SafeString(""), _fields(dialect, rows))
    kinds = (entry for entry in KINDS.values() if entry.schema.dialect == dialect)
    return (envelope, *map(_kind_section, kinds))


def _kind_section(entry: KindEntry) -> Section:
    summary = (entry.model.__doc__ or "").strip().splitlines()[0]
    rows = [column_row(entry, column) for column in entry.model.columns()]
    return Section(entry.name, entry.name, as_html(summary), _fields(entry.name, rows))


def _fields(section: str, rows: list[tuple[str, ...]]) -> tuple[Field, ...]:
    return tuple(
        Field(
            f"{section}:{row[0].strip('`')}",
            tuple(zip(map(str.capitalize, COLUMNS), map(as_html, row), strict=True)),
        )
        for row in rows
    )
