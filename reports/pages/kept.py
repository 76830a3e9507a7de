"""Kept: report pages say since when single events are kept, as figures may be older."""

from dataclasses import replace

from events.store.retention import Retention
from reports.filters import Filters
from reports.pages.page import Page
from reports.pages.report import Block, Empty, Report


def sentence(page: Page, since: Retention) -> str:
    """Say where single events end, on pages about events; empty where all are kept."""
    return since.sentence if "compare" in page.filters else ""


def is_before(filters: Filters, since: Retention) -> bool:
    """True if the period, or the one that it is compared with, begins before single events do."""
    periods = [each for each in (filters.period, filters.compare) if each]
    return since.events is not None and min(each.since for each in periods) < since.events


def explained(report: Report, filters: Filters, since: Retention) -> Report:
    """Return a report whose blocks of single events say so where those of the period were removed."""
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
