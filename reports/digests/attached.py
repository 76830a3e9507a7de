"""Attached: the figures as CSV, for those who asked for it. Exact, and safe in spreadsheets."""

from datetime import UTC

from reports.charts.numbers import count
from reports.charts.table import Column, Row, Table
from reports.digests.composed import File
from reports.digests.facts import Facts

NUMBER = count("")


def files(facts: Facts) -> tuple[File, ...]:
    """A file for each table that has rows."""
    tables = {
        "over-time.csv": _over_time(facts),
        "sources.csv": _sources(facts),
        "pages.csv": _pages(facts),
        "errors.csv": _errors(facts),
    }
    return tuple(
        File(name, "".join(table.lines()).encode("utf-8", "replace"))
        for name, table in tables.items()
        if table.rows
    )


def _over_time(facts: Facts) -> Table:
    zone = facts.period.zone
    starts = facts.period.buckets(facts.filters.granularity)
    columns = _columns("since_utc", "since_local", "zone") + _columns(
        "events", "sessions", "sessions_with_errors", "errors", is_number=True
    )
    values = zip(
        facts.overview.events,
        facts.overview.sessions,
        facts.overview.with_errors,
        facts.errors.errors,
        strict=True,
    )
    rows = (
        Row((at.astimezone(UTC).isoformat(), at.astimezone(zone).isoformat(), zone.key, *found))
        for at, found in zip(starts, values, strict=True)
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
    columns = _columns("code", "type") + _columns(
        "errors", "errors_before", "sessions", "actors", is_number=True
    )
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
                each.first.astimezone(zone).isoformat(),
                each.latest.astimezone(zone).isoformat(),
            )
        )
        for each in facts.errors.groups
    )
    return Table(columns, tuple(rows))


def _columns(*names: str, is_number: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, name, NUMBER if is_number else None) for name in names)
