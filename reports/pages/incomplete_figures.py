"""Incomplete figures: report pages show them without changes, colours and warnings."""

from dataclasses import replace
from datetime import datetime

from events.store.completeness import Incomplete, incomplete
from reports.charts.table import Row, Table
from reports.filters import Filters
from reports.pages.asking import Asked
from reports.pages.page import Page
from reports.pages.report import Block, Report
from reports.periods import DAY

COST = "Cost"
MONTHS = 62 * DAY  # how far back the pages of cost compare


def reason(filters: Filters, page: Page, now: datetime) -> Incomplete | None:
    """Return why figures are incomplete, or None. One statement; none on pages without figures of events."""
    if "compare" in page.filters:
        since = min(each.since for each in (filters.period, filters.compare) if each)
        return incomplete(filters.owners, since, filters.period.until, now)
    if page.group == COST:
        return incomplete(filters.owners, now - MONTHS, now, now)
    return None


def without_comparison(asked: Asked) -> Asked:
    """Return the same query without the period that it is compared with."""
    return replace(asked, filters=replace(asked.filters, compare=None))


def without_derived(report: Report) -> Report:
    """Return a report without changes, tones and attention."""
    return replace(
        report,
        figures=tuple(replace(figure, change=None, tone="") for figure in report.figures),
        attention=(),
        blocks=tuple(_plain(block) for block in report.blocks),
    )


def _plain(block: Block) -> Block:
    return replace(block, table=_without_tones(block.table)) if block.table else block


def _without_tones(table: Table) -> Table:
    return replace(table, rows=tuple(_row(row) for row in table.rows))


def _row(row: Row) -> Row:
    return replace(row, tones={}) if row.tones else row
