"""The charts and tables of builds and tools."""

import re
from datetime import datetime
from functools import partial

from events.kinds.emitted_event import OS_FAMILIES
from reports.charts import palette
from reports.charts.numbers import SECONDS, SHARE, count
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Series, TimeChart, buckets_of
from reports.figures.builds import AllBuilds, Part, whole_share
from reports.filters import Filters
from reports.pages.kind_links import of_kind
from reports.pages.links import within
from reports.pages.page import Context
from reports.pages.report import Block, Empty
from reports.rollups.wholeness import Broken, States, Timers

EVENTS, SERIES = count("events"), count("series")
UNTOLD = "(none)"
REST = "other collections"
NAMES = {
    "collection": "Collection",
    "repository": "Repository",
    "os": "Operating system",
    "architecture": "Architecture",
    "agent_version": "Agent version",
}
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def over_time(found: AllBuilds, filters: Filters, context: Context, narrowed: dict[str, str]) -> Block:
    """Events over time, by collection."""
    names = [part.key for part in found.parts["collection"] if part.key in found.by_collection and part.key]
    hues = palette.of_names(names)
    series = [
        Series(
            name,
            found.by_collection[name],
            hues[name],
            ("collection", name),
            behind=partial(_over_time_behind, filters, {**narrowed, "collection": name}),
        )
        for name in names
    ]
    if "" in found.by_collection:
        series.append(Series(REST, found.by_collection[""], palette.REST))
    sentence = ""
    if found.sums.events and names:
        largest = next(part for part in found.parts["collection"] if part.key == names[0])
        sentence = f"The largest is {names[0]}: {SHARE.short(largest.events / found.sums.events)} of all."
    chart = TimeChart(
        f"Events over time, by collection. {sentence}",
        filters.period,
        buckets_of(filters.period, filters.granularity, context.now, context.links.days),
        tuple(series),
        EVENTS,
    )
    return Block("over-time", "Events by collection", sentence, chart)


def _over_time_behind(filters: Filters, keys: dict[str, str], since: datetime, until: datetime) -> str:
    """The events that have some keys in a stretch of time."""
    return behind(filters, keys, **within(since, until))


def series(found: AllBuilds, filters: Filters, context: Context) -> Block:
    """By collection, whether its series came whole."""
    columns = (
        Column("collection", "Collection"),
        Column("events", "Events", EVENTS, has_bar=True),
        Column("series", "Series", SERIES),
        Column("whole", "Whole", SERIES, note="Ended, with an event in every place"),
        Column("whole_share", "Whole share", SHARE, note="Of those that are over"),
        Column("unended", "Without an end", SERIES, note="None says fin, and the last came over an hour ago"),
        Column("with_gaps", "With gaps", SERIES, note="Ended, but places are missing"),
        Column("missing", "Events missing", EVENTS, note="By the greatest index: at least so many"),
        Column("running", "Running", SERIES, note="Without an end yet, heard of in the last hour"),
    )
    by_name = {each.collection: each for each in found.series}
    rows = tuple(
        _series_row(part, by_name.get(part.key), filters, context) for part in found.parts["collection"]
    )
    states = found.states
    broken_ones = states.unended + states.with_gaps
    sentence = (
        f"{broken_ones:,} of {states.series:,} series are not whole."
        if broken_ones
        else f"All {states.series:,} series are whole, or still running."
    )
    return Block(
        "collections", "By collection", sentence if states.series else "", table=Table(columns, rows)
    )


def _series_row(part: Part, states: States | None, filters: Filters, context: Context) -> Row:
    cells: tuple[object, ...] = (None,) * 7
    if states:
        share = whole_share(states)
        cells = (
            states.series, states.whole, share, states.unended, states.with_gaps,
            states.missing, states.running,
        )  # fmt: skip
    return Row(
        (part.key or UNTOLD, part.events, *cells),
        href=context.links.here(collection=part.key) if part.key else "",
        hrefs={"events": behind(filters, {"collection": part.key})} if part.key else {},
        tones={"unended": "bad"} if states and states.unended else {},
    )


def broken(found: AllBuilds, filters: Filters, context: Context) -> Block:
    """The series that are not whole."""
    zone = filters.period.zone
    columns = (
        Column("series", "Series"),
        Column("collection", "Collection"),
        Column("source", "Source"),
        Column("lacks", "What it lacks"),
        Column("events", "Events", EVENTS),
        Column("missing", "Missing", EVENTS),
        Column("first", f"First event ({zone.key})"),
        Column("latest", "Last event"),
    )
    rows = tuple(_broken_row(each, filters, context) for each in found.broken)
    broken_ones = found.states.unended + found.states.with_gaps
    note = f"The first {len(rows):,} of {broken_ones:,}." if broken_ones > len(rows) else ""
    empty = Empty("Every series is whole", "All that are over have ended, with an event in every place.")
    return Block("broken", "Series that are not whole", table=Table(columns, rows), note=note, empty=empty)


def _broken_row(each: Broken, filters: Filters, context: Context) -> Row:
    zone = filters.period.zone
    lacks = [] if each.has_ended else ["an end"]
    if each.missing:
        lacks.append("places")
    cells = (
        each.scope,
        each.collection,
        context.sources.get(each.source_id, ""),
        " and ".join(lacks),
        each.events,
        each.missing,
        each.first.astimezone(zone),
        each.latest.astimezone(zone),
    )
    return Row(cells, href=behind(filters, {"scope": each.scope}))


def parts(name: str, found: AllBuilds, filters: Filters, context: Context, narrowed: dict[str, str]) -> Block:
    """Events by what they were about."""
    columns = (
        Column(name, NAMES[name]),
        Column("events", "Events", EVENTS, has_bar=True),
        Column("share", "Share", SHARE),
        Column("final", "Ends", EVENTS, note="Events that end a series, or stand alone"),
    )
    rows = tuple(
        Row(
            (part.key or UNTOLD, part.events, part.events / found.sums.events, part.final),
            href=context.links.here(**{name: part.key}) if part.key else "",
            hrefs={
                "events": behind(filters, {**narrowed, name: part.key}),
                "final": behind(filters, {**narrowed, name: part.key}, final="yes"),
            }
            if part.key
            else {},
        )
        for part in found.parts[name]
    )
    return Block(_plural(name), f"By {NAMES[name].lower()}", table=Table(columns, rows), is_half=True)


def _plural(name: str) -> str:
    return {"repository": "repositories", "os": "systems"}.get(name, f"{name.replace('_', '-')}s")


def timers(found: AllBuilds, context: Context) -> Block:
    """How many timers ran, and how long."""
    columns = (
        Column("collection", "Collection"),
        Column("timers", "Timers", count("timers"), has_bar=True),
        Column("events", "Events", EVENTS),
        Column("half", "Half ran up to", SECONDS, note="From the first event to the last"),
        Column("most", "Nine of ten up to", SECONDS),
    )
    rows = tuple(_timer_row(each, context) for each in found.timers_by_collection)
    sentence = ""
    if found.timers.half is not None:
        sentence = f"Half of {found.timers.timers:,} timers ran up to {SECONDS.short(found.timers.half)}."
    empty = Empty("No timers", "Events that belong together can share a timer (event.timer).")
    return Block("timers", "Timers", sentence, table=Table(columns, rows), empty=empty)


def _timer_row(each: Timers, context: Context) -> Row:
    return Row(
        (each.collection or UNTOLD, each.timers, each.events, each.half, each.most),
        href=context.links.here(collection=each.collection) if each.collection else "",
    )


def behind(filters: Filters, keys: dict[str, str], **more: str) -> str:
    """The list of the events that have some keys."""
    asked: dict[str, str] = {}
    for name, value in keys.items():
        asked |= _column(name, value)
    return of_kind("emitted_event", filters, **asked, **more)


def _column(name: str, value: str) -> dict[str, str]:
    """The column of the list that has the value of a key."""
    if name == "repository":
        return {"repository_link" if "://" in value else "repository_name": value}
    if name == "os":
        return {"os_family" if value in OS_FAMILIES else "os_name": value}
    if name == "agent_version":
        numbers = _NUMBERS.fullmatch(value)
        if numbers is None:
            return {"agent_version_spec": value}
        parts_of = ("major", "minor", "micro")
        return {
            f"agent_version_{part}": number for part, number in zip(parts_of, numbers.groups(), strict=True)
        }
    return {"os_architecture" if name == "architecture" else name: value}
