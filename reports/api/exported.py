"""Exports of reports by API: charges, and the rows of a section of a report page."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from django.http import QueryDict

from events.access import Access
from events.api.exported import Counts, refuse_unknown
from events.api.problems import BadParameter
from events.exports.exported import EXPORTABLE, Exported, Table
from events.exports.formats import ROWS
from events.exports.parquet_file import type_of_values
from reports.api.charges import ChargeFilter, ChargePagination, ChargeSerializer, named, visible
from reports.api.pages import build_page, page_named, parameters_of, sections
from reports.api.tables import member
from reports.pages.registry import PAGES

PAGE, SECTION = "page", "section"

CHARGES = Counts(
    "charges",
    visible,
    ChargeFilter,
    ChargePagination.orders[ChargePagination.default].keys,
    ChargeSerializer,
    named,
)


def report(access: Access, filters: QueryDict) -> Exported:
    """Return the rows of a section of a report page. Raises `BadParameter`."""
    given = {name: str(text) for name, text in filters.items()}
    page = page_named(given.pop(PAGE, ""), access)
    if page is None:
        names = [each.name for each in PAGES if page_named(each.name, access)]
        raise BadParameter("bad_parameter", {PAGE: [f"The report pages are {', '.join(names)}."]})
    wanted = given.pop(SECTION, "")
    known = (PAGE, SECTION, *parameters_of(page))
    refuse_unknown(filters, known.__contains__, known)
    found = {block.name: block for block in sections(build_page(page, given, access))}
    if wanted not in found:
        raise BadParameter("bad_parameter", {SECTION: [f"The sections are {', '.join(found)}."]})
    sheet = found[wanted].rows.sheet(found[wanted].title)
    names = [heading.name for heading in sheet.headings]
    rows = list(sheet.rows)
    types = [type_of_values(values) for values in zip(*rows, strict=True)] or ["text"] * len(names)
    table = Table(sheet.title, sheet.headings, _same, partial(_members, names), types)
    return table.exported(rows[at : at + ROWS] for at in range(0, len(rows), ROWS))


def _same(page: list[Any]) -> Iterable[Any]:
    return page


def _members(names: list[str], page: list[Any]) -> Iterator[object]:
    return ({name: member(value) for name, value in zip(names, row, strict=True)} for row in page)


EXPORTABLE |= {"charges": CHARGES.exported, "report": report}
