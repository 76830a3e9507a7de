"""Attachments: the figures as CSV files and as one workbook."""

from events.spreadsheets import xlsx_file
from events.spreadsheets.files import FORMATS, content, workbook
from reports.charts.numbers import count
from reports.charts.table import Column, Moment, Row, Table
from reports.digests.digest import File
from reports.digests.facts import Facts
from reports.periods import Granularity

NUMBER = count("")
WORKBOOK = "figures.xlsx"


def files(facts: Facts) -> tuple[File, ...]:
    """Return a CSV file for each table with rows and a workbook of them all; nothing without rows."""
    tables = {
        "over-time": _over_time(facts),
        "sources": _sources(facts),
        "pages": _pages(facts),
        "errors": _errors(facts),
    }
    sheets = {name: table.sheet(name) for name, table in tables.items() if table.rows}
    if not sheets:
        return ()
    made = [File(f"{name}.csv", content(sheet, "csv"), FORMATS["csv"].type) for name, sheet in sheets.items()]
    again = [tables[name].sheet(name) for name in sheets]  # rows are read once
    return (*made, File(WORKBOOK, workbook(again), xlsx_file.TYPE))


def _over_time(facts: Facts) -> Table:
    zone = facts.period.zone
    is_day = facts.filters.granularity not in (Granularity.QUARTER, Granularity.HOUR)
    columns = _columns("since") + _columns(
        "events", "sessions", "sessions_with_errors", "errors", is_number=True
    )
    values = zip(
        facts.overview.events,
        facts.overview.sessions,
        facts.overview.with_errors,
        facts.errors.errors,
        strict=True,
    )
    starts = (at.astimezone(zone) for at in facts.period.buckets(facts.filters.granularity))
    rows = (
        Row((Moment(at, at.isoformat(), is_day), *found)) for at, found in zip(starts, values, strict=True)
    )
    return Table(columns, tuple(rows))


def _sources(facts: Facts) -> Table:
    columns = _columns("source") + _columns("events", "events_before", is_number=True)
    rows = (
        Row((facts.sources.get(int(each.key), str(each.key)), each.count, each.before))
        for each in facts.overview.sources
    )
    return Table(columns, tuple(rows))


def _pages(facts: Facts) -> Table:
    columns = _columns("page") + _columns("views", "views_before", is_number=True)
    return Table(columns, tuple(Row((each.key, each.count, each.before)) for each in facts.overview.pages))


def _errors(facts: Facts) -> Table:
    zone = facts.period.zone
    is_about = facts.errors.sums.is_about
    columns = _columns("code", "type") + _columns("errors", "errors_before", is_number=True)
    columns += tuple(Column(name, name, NUMBER, is_estimate=is_about) for name in ("sessions", "actors"))
    columns += _columns("first_seen", "last_seen")
    rows = (
        Row(
            (
                each.code,
                each.type,
                each.errors,
                each.before,
                each.sessions,
                each.actors,
                each.first.astimezone(zone),
                each.latest.astimezone(zone),
            )
        )
        for each in facts.errors.groups
    )
    return Table(columns, tuple(rows))


def _columns(*names: str, is_number: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, name, NUMBER if is_number else None) for name in names)
