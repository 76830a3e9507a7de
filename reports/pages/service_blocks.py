"""The charts and tables of services."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from urllib.parse import quote

from events.lib.formatting import short_count
from reports.charts import palette
from reports.charts.numbers import SECONDS, SHARE, count, mean
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Draw, Series, TimeChart, buckets_of, top_and_rest
from reports.figures.services import MetricKey, Services, overdue
from reports.filters import Filters
from reports.pages.kind_links import of_kind
from reports.pages.links import event_page, within
from reports.pages.page import Context
from reports.pages.report import Block, Empty
from reports.pages.words import plural
from reports.query.series import ended

ENTRIES, SIGNS = count("entries"), count("heartbeats")
ORDER = ("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE")
REST = "other levels"
UNTOLD = "(none)"


def text_of(key: MetricKey) -> str:
    """A metric in the address: system/subsystem/metric."""
    return "/".join(quote(part, safe="") for part in key)


def levels(found: Services, filters: Filters, context: Context) -> Block:
    """Log entries over time, by level."""
    kept = top_and_rest([(level or UNTOLD, counts) for level, counts in found.by_level.items()], REST)
    kept.sort(key=lambda each: ORDER.index(each[0]) if each[0] in ORDER else len(ORDER))
    hues = palette.of_levels([name for name, _ in kept])
    series = tuple(
        Series(
            name,
            counts,
            hues[name],
            behind=partial(_behind, "log", filters, {"level": name}) if name not in (REST, UNTOLD) else None,
        )
        for name, counts in reversed(kept)
    )
    said = "; ".join(f"{level or UNTOLD}: {times:,}" for level, times in list(found.levels.items())[:6])
    said = f"{said}." if said else ""
    chart = TimeChart(
        f"Log entries over time, by level. {said}",
        filters.period,
        buckets_of(filters.period, filters.granularity, context.now, context.links.days),
        series,
        ENTRIES,
    )
    empty = Empty("No log entries", "Entries are V3's LOG. Choose a longer period.")
    return Block("levels", "Log levels over time", said, chart, empty=empty)


def _behind(
    kind: str, filters: Filters, columns: Mapping[str, str | int], since: datetime, until: datetime
) -> str:
    """The events of a kind, by some columns, in a stretch of time."""
    return of_kind(kind, filters, **columns, **within(since, until))


def logs(found: Services, filters: Filters, context: Context) -> Block:
    """The logs of sources, those with most errors first."""
    columns = (
        Column("source", "Source"),
        Column("entries", "Entries", ENTRIES, has_bar=True),
        Column("errors", "Errors", ENTRIES, note="Of level ERROR or FATAL"),
        Column("error_share", "Error share", SHARE),
    )
    rows = tuple(
        Row(
            (_name(each.source_id, context), each.entries, each.bad, each.bad / each.entries),
            href=context.links.here(source=each.source_id),
            hrefs={
                "entries": of_kind("log", filters, source=each.source_id),
                "errors": of_kind("log", filters, source=each.source_id, level="ERROR"),
            },
        )
        for each in found.logs
    )
    return Block("logs", "Logs by source", table=Table(columns, rows))


def lives(found: Services, filters: Filters, context: Context) -> Block:
    """The heartbeats of each source, the longest overdue first."""
    zone = filters.period.zone
    columns = (
        Column("source", "Source"),
        Column("overdue", "Overdue for", SECONDS, note="Since its last heartbeat, where that is unusual"),
        Column("latest", f"Last ({zone.key})"),
        Column("heartbeats", "Heartbeats", SIGNS),
        Column("silences", "Gaps", count("gaps"), note="Over three times as long as usual"),
        Column("longest", "Longest gap", SECONDS),
    )  # fmt: skip
    rows = []
    for each in found.lives:
        late = None if context.is_incomplete else overdue(each, filters, context.now)
        cells = (
            _name(each.source_id, context),
            late.total_seconds() if late else None,
            each.latest.astimezone(zone),
            each.signs,
            each.silences,
            each.longest.total_seconds() if each.longest else None,
        )
        href = of_kind("heartbeat", filters, source=each.source_id)
        tones = {"overdue": "bad"} if late else {}
        rows.append(Row(cells, href=href, hrefs={"heartbeats": href}, tones=tones))
    rows.sort(key=lambda row: -(row.cells[1] or 0))
    empty = Empty("No heartbeats", "Signs of life are V3's HEARTBEAT. Choose a longer period.")
    return Block("silences", "Heartbeats", table=Table(columns, tuple(rows)), empty=empty)


def signs(found: Services, filters: Filters, context: Context) -> Block:
    """Signs of life over time, by source."""
    hues = palette.of_sources(list(found.signs))
    series = tuple(
        Series(
            _name(source, context),
            counts,
            hues[source],
            ("source", str(source)),
            behind=partial(_behind, "heartbeat", filters, {"source": source}),
        )
        for source, counts in list(found.signs.items())[:7]
    )
    total = sum(each.signs for each in found.lives)
    said = f"{plural(total, 'heartbeat')} of {plural(len(found.lives), 'source')}." if total else ""
    chart = TimeChart(
        f"Heartbeats over time, by source. {said}",
        filters.period,
        buckets_of(filters.period, filters.granularity, context.now, context.links.days),
        series,
        SIGNS,
    )
    empty = Empty("No heartbeats", "Signs of life are V3's HEARTBEAT. Choose a longer period.")
    return Block("signs", "Heartbeats over time", said, chart, empty=empty)


def values(found: Services, filters: Filters, context: Context, statistic: str) -> Block:
    """The chosen metric over time."""
    name = found.chosen.metric if found.chosen else "metric"
    keys = {"system": found.chosen.system, "subsystem": found.chosen.subsystem} if found.chosen else {}
    over = ended(found.values, filters, context.now)
    known = [value for value in over if value is not None]
    said = f"{statistic} from {short_count(min(known))} to {short_count(max(known))}" if known else ""
    chart = TimeChart(
        f"{name} over time, {said}.",
        filters.period,
        buckets_of(filters.period, filters.granularity, context.now, context.links.days),
        (
            Series(
                f"{name}, {statistic}",
                found.values,
                0,
                behind=partial(_behind, "metrics", filters, keys),
                is_estimate=statistic == "p95",
            ),
        ),
        mean(name),
        Draw.LINES,
    )
    empty = Empty("Nothing was measured", "Measurements are V3's METRICS. Choose another metric or period.")
    title = f"{name}: {statistic}" if found.chosen else "Values of a metric"
    return Block("values", title, f"Its {said}." if said else "", chart, empty=empty)


def metrics(found: Services, filters: Filters, context: Context) -> Block:
    """All metrics of the period."""
    columns = (
        Column("metric", "Metric"),
        Column("system", "System"),
        Column("subsystem", "Subsystem"),
        Column("count", "Measurements", count("measurements")),
        Column("mean", "Mean", mean("")),
        Column("sum", "Sum", mean("")),
        Column("least", "Least", mean("")),
        Column("greatest", "Greatest", mean("")),
        Column("last", "Last", mean("")),
        Column("p95", "p95", mean(""), is_estimate=True, note="95 of 100 are at or below; true to 3 %"),
    )
    rows = tuple(
        Row(
            (each.key.metric, each.key.system, each.key.subsystem, each.count, each.mean, each.total,
             each.least, each.most, each.last, each.p95),
            href=context.links.here(metric=text_of(each.key)),
            hrefs={
                "count": of_kind("metrics", filters, system=each.key.system, subsystem=each.key.subsystem)
            },
        )
        for each in found.metrics
    )  # fmt: skip
    empty = Empty("Nothing was measured", "Measurements are V3's METRICS. Choose a longer period.")
    return Block("metrics", "Metrics", table=Table(columns, rows), empty=empty)


def trail(found: Services, filters: Filters, context: Context, about: str) -> Block:
    """What changed, of one object where it is named."""
    zone = filters.period.zone
    columns = (
        Column("time", f"Time ({zone.key})"),
        Column("object", "Object", is_id=True),
        Column("type", "Type"),
        Column("props", "Changed"),
        Column("before", "From"),
        Column("after", "To"),
        Column("actor", "By", is_id=True),
        Column("seconds", "After", SECONDS, note="How long it was in the state before"),
    )
    rows = tuple(
        Row(
            (each.at.astimezone(zone), each.object_id, each.object_type, ", ".join(each.props), each.before,
             each.after, each.actor, each.seconds),
            href=event_page(each.event_id),
            hrefs={"object": context.links.here(object=each.object_id) + "#trail"} if each.object_id else {},
        )
        for each in found.trail.changes
    )  # fmt: skip
    note = whole = ""
    if found.trail.has_more:
        note = f"The newest {len(rows):,} changes; there are more."
        whole = of_kind("audit", filters, **({"object": about} if about else {}))
    elif found.trail.looked_back_to:
        back = found.trail.looked_back_to.astimezone(zone)
        note = f"Looked back to {back:%Y-%m-%d %H:%M}; for more end the period there."
    title = f"Changes of {about}" if about else "Newest changes"
    empty = Empty("No changes", "Changes are V3's AUDIT. Choose a longer period, or another object.")
    return Block(
        "trail", title, table=Table(columns, rows), note=note, empty=empty, whole=whole, reads_events=True
    )


def _name(source: int, context: Context) -> str:
    return context.sources.get(source, f"source {source}")
