"""Markup: the rows of a table as HTML.

Functions build it, since a page may have thousands of cells and a template takes nine times as long for each.
"""

from collections.abc import Sequence

from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString

from reports.charts.table import Shown, Table


def rows(table: Table) -> list[SafeString]:
    """Return the rows of a table's body.

    The first cell of each row is its heading. The others carry their column titles, which phones show above
    the values.
    """
    labels = [f' data-label="{escape(column.title)}"' for column in table.columns[1:]]
    return [_row(cells, labels) for cells in table.shown()]


def _row(cells: Sequence[Shown], labels: Sequence[str]) -> SafeString:
    heading, *others = cells
    return SafeString(f"<tr>{_heading(heading)}{''.join(map(_cell, others, labels))}</tr>")


def _heading(cell: Shown) -> str:
    swatch = "" if cell.hue is None else f'<span class="tally-swatch tally-hue-{cell.hue}"></span>'
    classes = "tally-id tally-one-line" if cell.is_in_one_line else "tally-id"
    text = conditional_escape(cell.text)
    if cell.href:
        link = f'<a class="{classes}" href="{escape(cell.href)}"{_title(cell)}>{text}</a>'
        return f'<th scope="row">{swatch}{link}</th>'
    return f'<th scope="row">{swatch}<span class="{classes}"{_title(cell)}>{text}</span></th>'


def _cell(cell: Shown, label: str) -> str:
    text: str = conditional_escape(cell.text)
    if cell.href:
        text = f'<a href="{escape(cell.href)}">{text}</a>'
    if cell.bar is not None:
        drawn = f'<svg aria-hidden="true"><rect width="{cell.bar}%" height="100%"></rect></svg>'
        text = f'<span class="tally-share">{drawn}<span>{text}</span></span>'
    return f"<td{_classes(cell)}{label}{_title(cell)}>{text}</td>"


def _classes(cell: Shown) -> str:
    found = [] if cell.is_number else ["tally-start"]
    if cell.is_prose:
        found.append("tally-prose")
    if cell.tone:
        found.append("tally-attention" if cell.tone == "bad" else "tally-good")
    if cell.heat is not None:
        found.append(f"tally-heat tally-heat-{cell.heat}")
    return f' class="{" ".join(found)}"' if found else ""


def _title(cell: Shown) -> str:
    """Return the title attribute, which browsers show on hover."""
    return f' title="{escape(cell.exact)}"' if cell.exact else ""
