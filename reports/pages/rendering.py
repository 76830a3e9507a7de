"""Rendering of blocks for the template: the sorted table, headings that sort, and the drawing."""

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from events.spreadsheets.files import FORMATS
from reports.charts import markup
from reports.charts.table import Column
from reports.pages.links import Links
from reports.pages.report import Block


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a column, and the address of the page sorted by it."""

    title: str
    note: str
    href: str
    order: str  # ascending or descending, where the table is in its order
    is_number: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A block as the template takes it."""

    block: Block
    headings: tuple[Heading, ...]
    rows: list[SafeString]
    total: int
    is_cut: bool
    spec: dict[str, Any] | None
    files: tuple[tuple[str, str], ...]  # formats and addresses
    kept: tuple[tuple[str, str], ...] = ()  # hidden fields of its form

    @property
    def spec_id(self) -> str:
        """Return the id of the element with the drawing's data."""
        return f"{self.block.name}-spec"

    @property
    def height(self) -> str:
        """Return the height of the drawing. For horizontal bars, it depends on their number."""
        if self.spec is None or self.spec["kind"] != "bars":
            return "usual"
        return "few" if len(self.spec["bars"]) <= 4 else "some" if len(self.spec["bars"]) <= 8 else "many"


def shown(block: Block, sort: str, links: Links) -> Shown:
    """Return a block with its table sorted by `sort` (block.column)."""
    table = block.rows
    name, _, by = sort.partition(".")
    by = by if name == block.name else ""
    if by:
        table = table.ordered(by)
    return Shown(
        block=block,
        headings=tuple(_heading(column, block, by, links) for column in table.columns),
        rows=markup.rows(table),
        total=len(table.rows),
        is_cut=table.is_cut,
        spec=block.chart.spec() if block.chart and not block.chart.is_empty else None,
        files=tuple((found.title, links.here(**{form: block.name})) for form, found in FORMATS.items()),
        kept=_kept(block, links),
    )


def _kept(block: Block, links: Links) -> tuple[tuple[str, str], ...]:
    fields = {control.name for control in block.controls}
    params = links.params.items()
    return tuple((name, value) for name, values in params if name not in fields for value in values)


def _heading(column: Column, block: Block, by: str, links: Links) -> Heading:
    """Return a heading.

    The first click sorts numbers descending and texts ascending; the next one reverses that.
    """
    is_number = column.is_number
    first, second = (f"-{column.name}", column.name) if is_number else (column.name, f"-{column.name}")
    href = links.here(sort=f"{block.name}.{second if by == first else first}")
    order = ""
    if by.removeprefix("-") == column.name:
        order = "descending" if by.startswith("-") else "ascending"
    return Heading(column.title, column.note, f"{href}#{block.name}", order, is_number)
