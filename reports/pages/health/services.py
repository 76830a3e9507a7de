"""Services: logs, metrics and changes, silent sources, and overdue heartbeats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from urllib.parse import quote, unquote

from events.lib.formatting import duration_text, short_count
from events.store.silent import SilentSource
from reports.charts import palette
from reports.charts.numbers import SECONDS, SHARE, count, mean
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Draw, Series
from reports.figures.receipt import silent as silent_now
from reports.figures.single_events import Trail, trail
from reports.filters import Filters
from reports.pages.health import silent_sources
from reports.pages.links import event_page, of_kind
from reports.pages.page import ALL_FILTERS, Context, Page
from reports.pages.report import Attention, Block, Control, Empty, Figure, Report
from reports.pages.sections import UNNAMED, Breakdown, Headlines, OverTime, PageData, time_chart
from reports.pages.words import of_period, plural
from reports.query.datasets import HEARTBEATS, LOGS, MEASUREMENTS
from reports.query.heartbeats import Life, lives, overdue
from reports.query.planner import over_time
from reports.query.query import Answer, Line, Query
from reports.query.relation import Key
from reports.query.series import ended

BAD = 0.02  # a share of entries that needs attention
STATISTICS = ("mean", "sum", "last", "p95")
KINDS = {"entries": "log", "errors": "log", "heartbeats": "heartbeat"}  # of what metrics count: else METRICS
NO_HEARTBEATS = Empty("No heartbeats", "These are V3's HEARTBEAT events. Choose a longer period.")


class MetricKey(NamedTuple):
    """The names that identify a metric."""

    metric: str
    system: str
    subsystem: str

    @classmethod
    def of(cls, text: str) -> "MetricKey | None":
        """Parse the metric in the URL: system/subsystem/metric."""
        parts = [unquote(part) for part in text.split("/")]
        if len(parts) != len(cls._fields) or "\x00" in "".join(parts):
            return None
        system, subsystem, metric = parts
        return cls(metric, system, subsystem)

    @property
    def text(self) -> str:
        """Return the metric as written in a URL."""
        return "/".join(quote(part, safe="") for part in (self.system, self.subsystem, self.metric))

    @property
    def label(self) -> str:
        """Return the metric as shown to people."""
        return " · ".join(filter(None, (self.metric, self.subsystem, self.system)))


def _list_of(metric: str, filters: Filters, keys: Mapping[str, str]) -> str:
    named = {name: value for name, value in keys.items() if name != "metric"}
    return of_kind(KINDS.get(metric, "metrics"), filters, **named)


def _by_level(_: PageData, found: Sequence[Line]) -> str:
    sums = [(line.key or UNNAMED, sum(each or 0 for each in line.values["entries"])) for line in found[:6]]
    return f"{'; '.join(f'{level}: {times:,}' for level, times in sums)}." if sums else ""


def _source_hues(keys: Sequence[Key]) -> dict[Key, int]:
    return dict(palette.of_sources([key for key in keys if isinstance(key, int)]))


LEVELS = OverTime(
    name="levels",
    title="Log levels over time",
    alt="Log entries over time, by level.",
    metric="entries",
    by="level",
    hues=palette.of_levels,
    order=("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"),
    rest="other levels",
    narrows=False,
    sentence=_by_level,
    empty=Empty("No log entries", "Entries are V3's LOG. Choose a longer period."),
)
BY_SOURCE = Breakdown(
    name="logs",
    title="Logs by source",
    by=("source",),
    metrics=("entries", "errors", "error_share"),
)
SIGNS = OverTime(
    name="signs",
    title="Heartbeats over time",
    alt="Heartbeats over time, by source.",
    metric="heartbeats",
    by="source",
    most=7,
    hues=_source_hues,
    rest="other sources",
    empty=NO_HEARTBEATS,
)
METRICS = Breakdown(
    name="metrics",
    title="Metrics",
    by=MetricKey._fields,
    metrics=("count", "mean", "sum", "least", "greatest", "last", "p95"),
    bar=None,
    links=("count",),
    links_unnamed=True,
    narrows=False,
    href=lambda data, row: data.context.links.here(metric=MetricKey(*row.keys).text),
    unnamed="",
    empty=Empty("Nothing was measured", "Measurements are V3's METRICS. Choose a longer period."),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The values of the page's own parameters."""

    metric: MetricKey | None
    statistic: str
    object: str

    @classmethod
    def of(cls, context: Context) -> "_Asked":
        """Parse them."""
        statistic = context.first("statistic")
        return cls(
            MetricKey.of(context.first("metric")),
            statistic if statistic in STATISTICS else STATISTICS[0],
            context.first("object"),
        )


@dataclass(frozen=True, slots=True)
class _Signs:
    """Heartbeats, and the currently silent sources."""

    data: PageData
    lives: Sequence[Life]
    silent: Sequence[SilentSource]

    @property
    def overdue(self) -> list[tuple[timedelta, Life]]:
        """Return the overdue heartbeats, longest first, without those of sources reported as silent."""
        filters, context = self.data.filters, self.data.context
        if context.is_incomplete:
            return []
        silent_ones = {each.source_id for each in self.silent}
        others = [each for each in self.lives if each.source_id not in silent_ones]
        late = [(lasts, each) for each in others if (lasts := overdue(each, filters, context.now))]
        return sorted(late, key=lambda pair: pair[0], reverse=True)


def build(filters: Filters, context: Context) -> Report:
    """Build the report."""
    asked = _Asked.of(context)
    logs = PageData(LOGS, filters, context, _list_of)
    heartbeats, measured = replace(logs, dataset=HEARTBEATS), replace(logs, dataset=MEASUREMENTS)
    top = Headlines.of(logs, ("entries", "errors"), ("errors",))
    by_source = BY_SOURCE.answer(logs)
    by_source = replace(by_source, rows=tuple(sorted(by_source.rows, key=lambda row: -row.count("errors"))))
    metrics = METRICS.answer(measured)
    asked = replace(asked, metric=asked.metric or next((MetricKey(*row.keys) for row in metrics.rows), None))
    signs = _Signs(heartbeats, lives(filters), silent_now(filters, context.now))
    changes = trail(filters, asked.object)
    is_empty = not (top.total.count("entries") or metrics.rows or signs.lives or changes.changes)
    options = tuple((key.text, key.label) for row in metrics.rows[:200] for key in [MetricKey(*row.keys)])
    return Report(
        answer=_answer(top, signs, is_empty=is_empty),
        figures=tuple(_figures(top, signs, metrics)),
        attention=tuple(_attention(signs, by_source)),
        blocks=(
            LEVELS.block(logs, LEVELS.answer(logs)),
            BY_SOURCE.block(logs, by_source),
            silent_sources.table(signs.silent, filters, context),
            _lives(signs),
            _over_time(signs),
            _values(measured, asked),
            METRICS.block(measured, metrics),
            _trail(changes, logs, asked.object),
        ),
        controls=(
            Control("metric", "Metric", asked.metric.text if asked.metric else "", options),
            Control("statistic", "Statistic", asked.statistic, tuple((name, name) for name in STATISTICS)),
            Control("object", "Object", asked.object, hint="ID of an object"),
        ),
        note="Events count when they occurred. A heartbeat is overdue after three times the usual interval,"
        " and never before a quarter of an hour.",
        empty=Empty("No events of services", "Log entries, measurements, heartbeats and changes appear here:"
                    " V3's LOG, METRICS, HEARTBEAT and AUDIT. Choose a longer period, or remove a filter.")
        if is_empty
        else None,
    )  # fmt: skip


def _answer(top: Headlines, signs: _Signs, *, is_empty: bool) -> str:
    context = top.data.context
    when = of_period(top.data.filters.period, context.now)
    if is_empty:
        return f"No service sent anything {when}."
    if context.is_incomplete:
        said = f"{plural(len(signs.lives), 'source')} with heartbeats {when}"
    else:
        said = f"{plural(len(signs.silent), 'source')} {'is' if len(signs.silent) == 1 else 'are'} silent"
        said = said if signs.silent else "No source is silent"
        if late := signs.overdue:
            verb = "is" if len(late) == 1 else "are"
            said += f"; {len(late):,} of {plural(len(signs.lives), 'heartbeat')} {verb} overdue"
    if not signs.lives:
        said = f"No heartbeats {when}" if context.is_incomplete else f"{said}; no heartbeats {when}"
    if entries := top.total.count("entries"):
        part = SHARE.short(top.total.count("errors") / entries)
        said += f"; {part} of {entries:,} log entries were errors"
    return f"{said}."


def _figures(top: Headlines, signs: _Signs, metrics: Answer) -> list[Figure]:
    entries, errors, late = top.total.count("entries"), top.total.count("errors"), len(signs.overdue)
    return [
        top.figure("Log entries", "entries"),
        top.figure(
            "Errors logged",
            "errors",
            more_is="bad",
            note=f"{SHARE.short(errors / entries)} of all" if entries else "",
        ),
        Figure(
            "Silent sources",
            None if top.data.context.is_incomplete else len(signs.silent),
            count("sources"),
            note=f"{late:,} of {plural(len(signs.lives), 'heartbeat')} overdue" if signs.lives else "",
            tone="bad" if signs.silent else "",
            href="#silent",
        ),
        Figure(
            "Metrics",
            len(metrics.rows),
            count("metrics"),
            note=f"{metrics.sum('count'):,} measurements",
            href=of_kind("metrics", top.data.filters),
        ),
    ]


def _attention(signs: _Signs, by_source: Answer) -> list[Attention]:
    """Return alerts: silent sources, overdue heartbeats (the longest first), then logs full of errors."""
    data = signs.data
    zone, name_of = data.filters.period.zone, data.context.sources.get
    bad = [row for row in by_source.rows[:2] if row.count("errors") > row.count("entries") * BAD]
    return [
        *silent_sources.silent_sources(signs.silent, data.context),
        *(
            Attention(
                f"The heartbeat of {name_of(each.source_id, 'a source')} is overdue: the last was"
                f" {duration_text(round(lasts.total_seconds()))} ago,"
                f" at {each.latest.astimezone(zone):%Y-%m-%d %H:%M}.",
                of_kind("heartbeat", data.filters, source=each.source_id),
                "See its heartbeats",
            )
            for lasts, each in signs.overdue[:3]
        ),
        *(
            Attention(
                f"{SHARE.short(row.count('errors') / row.count('entries'))} of {row.count('entries'):,} log"
                f" entries of {name_of(row.keys[0], 'a source')} are errors.",
                of_kind("log", data.filters, source=row.keys[0], level="ERROR"),
                "See the errors",
            )
            for row in bad
        ),
    ]


def _lives(signs: _Signs) -> Block:
    """Show the heartbeats of each source, the longest overdue first."""
    data = signs.data
    filters, context, zone = data.filters, data.context, data.filters.period.zone
    columns = (
        Column("source", "Source"),
        Column("overdue", "Overdue for", SECONDS, note="Time since its last heartbeat, if that is unusual"),
        Column("latest", f"Last ({zone.key})"),
        Column("heartbeats", "Heartbeats", count("heartbeats")),
        Column("silences", "Gaps", count("gaps"), note="More than three times the usual interval"),
        Column("longest", "Longest gap", SECONDS),
    )
    rows = []
    for each in signs.lives:
        late = None if context.is_incomplete else overdue(each, filters, context.now)
        cells = (
            data.named("source", each.source_id),
            late.total_seconds() if late else None,
            each.latest.astimezone(zone),
            each.signs,
            each.silences,
            each.longest.total_seconds() if each.longest else None,
        )
        href = of_kind("heartbeat", filters, source=each.source_id)
        rows.append(
            Row(cells, href=href, hrefs={"heartbeats": href}, tones={"overdue": "bad"} if late else {})
        )
    rows.sort(key=lambda row: -(row.cells[1] or 0))
    return Block("silences", "Heartbeats", table=Table(columns, tuple(rows)), empty=NO_HEARTBEATS)


def _over_time(signs: _Signs) -> Block:
    total = sum(each.signs for each in signs.lives)
    said = f"{plural(total, 'heartbeat')} of {plural(len(signs.lives), 'source')}." if total else ""
    return SIGNS.block(signs.data, SIGNS.answer(signs.data), sentence=said)


def values_of(data: PageData, metric: MetricKey | None, statistic: str) -> tuple[float | None, ...]:
    """Return a metric's value for each bucket, or None without measurements. p95 is accurate to 3 %."""
    if metric is None:
        return (None,) * len(data.filters.period.buckets(data.filters.granularity))
    query = Query(MEASUREMENTS, (statistic, "count"), data.filters, where=metric._asdict())
    (line,) = over_time(query, data.context.now)
    pairs = zip(line.values[statistic], line.values["count"], strict=True)
    return tuple(float(value) if value is not None and times else None for value, times in pairs)


def _values(data: PageData, asked: _Asked) -> Block:
    """Show the selected metric over time."""
    name = asked.metric.metric if asked.metric else "metric"
    keys = asked.metric._asdict() if asked.metric else {}
    found = values_of(data, asked.metric, asked.statistic)
    known = [value for value in ended(found, data.filters, data.context.now) if value is not None]
    said = ""
    if known:
        said = f"{asked.statistic} from {short_count(min(known))} to {short_count(max(known))}"
    series = Series(
        f"{name}, {asked.statistic}",
        found,
        0,
        behind=partial(data.behind_bucket, "count", keys),
        is_estimate=asked.statistic == "p95",
    )
    chart = time_chart(f"{name} over time, {said}.", data, (series,), mean(name), Draw.LINES)
    empty = Empty("Nothing was measured", "Measurements are V3's METRICS. Choose another metric or period.")
    title = f"{name}: {asked.statistic}" if asked.metric else "Values of a metric"
    return Block("values", title, f"Its {said}." if said else "", chart, empty=empty)


def _trail(found: Trail, data: PageData, about: str) -> Block:
    """Show changes, of one object if given."""
    filters, context, zone = data.filters, data.context, data.filters.period.zone
    columns = (
        Column("time", f"Time ({zone.key})"),
        Column("object", "Object", is_id=True),
        Column("type", "Type"),
        Column("props", "Changed"),
        Column("before", "From"),
        Column("after", "To"),
        Column("actor", "By", is_id=True),
        Column("seconds", "After", SECONDS, note="Time in the previous state"),
    )
    rows = tuple(
        Row(
            (each.at.astimezone(zone), each.object_id, each.object_type, ", ".join(each.props), each.before,
             each.after, each.actor, each.seconds),
            href=event_page(each.event_id),
            hrefs={"object": context.links.here(object=each.object_id) + "#trail"} if each.object_id else {},
        )
        for each in found.changes
    )  # fmt: skip
    note = whole = ""
    if found.has_more:
        note = f"The newest {len(rows):,} changes; there are more."
        whole = of_kind("audit", filters, **({"object": about} if about else {}))
    elif found.looked_back_to:
        back = found.looked_back_to.astimezone(zone)
        note = f"Searched back to {back:%Y-%m-%d %H:%M}. To see older ones, end the period there."
    title = f"Changes of {about}" if about else "Newest changes"
    empty = Empty("No changes", "Changes are V3's AUDIT. Choose a longer period, or another object.")
    return Block(
        "trail", title, table=Table(columns, rows), note=note, empty=empty, whole=whole, reads_events=True
    )


PAGE = Page(
    "services",
    "Services",
    "dns",
    build,
    filters=tuple(name for name in ALL_FILTERS if name != "kind"),
    own=("metric", "statistic", "object"),
)
