"""Completeness: notes on report pages whose figures are incomplete or whose events were removed."""

from dataclasses import replace
from datetime import datetime

from events.store.completeness import Incomplete, incomplete
from events.store.retention import Retention
from reports.charts.table import Row, Table
from reports.filters import Filters
from reports.pages.page import Page
from reports.pages.parameters import Parsed
from reports.pages.report import Block, Empty, Report
from reports.periods import DAY

COST = "Cost"
MONTHS = 62 * DAY  # how far back the cost pages compare


def reason(filters: Filters, page: Page, now: datetime) -> Incomplete | None:
    """Return why figures are incomplete, or None.

    Runs one statement, or none on pages without figures of events.
    """
    if "compare" in page.filters:
        since = min(each.since for each in (filters.period, filters.compare) if each)
        return incomplete(filters.owners, since, filters.period.until, now)
    if page.group == COST:
        return incomplete(filters.owners, now - MONTHS, now, now)
    return None


def without_comparison(parsed: Parsed) -> Parsed:
    """Return the same query without the compared period."""
    return replace(parsed, filters=replace(parsed.filters, compare=None))


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


def sentence(page: Page, since: Retention) -> str:
    """Return since when single events are kept, for pages about events; empty if all are kept."""
    return since.sentence if "compare" in page.filters else ""


def is_before(filters: Filters, since: Retention) -> bool:
    """True if the period, or the compared one, begins before the first stored events."""
    periods = [each for each in (filters.period, filters.compare) if each]
    return since.events is not None and min(each.since for each in periods) < since.events


def explained(report: Report, filters: Filters, since: Retention) -> Report:
    """Return the report with a note on each block of single events that covers removed ones."""
    if since.events is None or filters.period.since >= since.events:
        return report
    is_all = filters.period.until <= since.events
    return replace(report, blocks=tuple(_block(block, since, is_all=is_all) for block in report.blocks))


def _block(block: Block, since: Retention, *, is_all: bool) -> Block:
    if not block.reads_events:
        return block
    if is_all:
        empty = Empty("These events were removed", since.sentence)
        return replace(
            block, sentence="", chart=None, table=replace(block.rows, rows=()), empty=empty, passages=()
        )
    return replace(block, note=f"{block.note} {since.sentence}".lstrip())
