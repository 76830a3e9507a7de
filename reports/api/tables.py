"""Tables of report pages in the read API: their rows as JSON, or as a CSV or XLSX file."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer

from events.spreadsheets.sheet import Cell, plain
from reports.charts.numbers import Unit
from reports.charts.table import Column, Table
from reports.cost.numbers import plain as digits

_json = JSONRenderer()


class CsvRenderer(BaseRenderer):
    """Accepts `text/csv`. Errors are JSON."""

    media_type = "text/csv"
    format = "csv"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """Return an error as JSON. The file itself isn't rendered."""
        body: bytes = _json.render(data, "application/json", renderer_context)
        return body


def unit_of(unit: Unit | None) -> str | None:
    """Return the unit of a number, as files name it."""
    return (unit.in_files or unit.name or None) if unit else None


def columns_of(table: Table) -> list[dict[str, object]]:
    """Return the columns in the order of the page."""
    zones = {heading.name: heading.zone for heading in table.sheet("").headings}
    return [_column(column, zones[column.name]) for column in table.columns]


def rows_of(table: Table) -> Iterator[dict[str, object]]:
    """Yield each row as an object with a member for each column.

    Numbers aren't rounded. Costs and other exact decimals are text, as JSON's numbers would lose digits.
    """
    sheet = table.sheet("")
    names = [heading.name for heading in sheet.headings]
    for row in sheet.rows:
        yield {name: member(value) for name, value in zip(names, row, strict=True)}


def _column(column: Column, zone: str) -> dict[str, object]:
    return {
        "name": column.name,
        "title": column.title,
        "unit": unit_of(column.unit),
        "zone": zone or None,
        "is_estimate": column.is_estimate,
        "note": column.note,
    }


def member(cell: object) -> object:
    """Return a cell as JSON has it."""
    value: Cell = plain(cell)
    if isinstance(value, Decimal):
        return digits(value)
    return value if value is None or isinstance(value, bool | int | float | str) else value.isoformat()
