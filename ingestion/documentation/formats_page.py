"""The fields of each kind as a page, made from the kinds as docs/reference/formats.md is."""

from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString

from events.kinds import KINDS, KindEntry
from events.wire.dialects import DIALECTS
from ingestion.documentation.formats import COLUMNS, column_row, envelope_row
from ingestion.rejected.remedies import as_html

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
    """Show the fields of all formats. It needs no log-in: the formats are no secret."""
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
    return (envelope, *map(_kind, kinds))


def _kind(entry: KindEntry) -> Section:
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
