"""Builds and tools: what was built, where, if series are complete, and how long timers ran."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from events.kinds.emitted_event import OS_FAMILIES
from reports.charts.numbers import SECONDS, SHARE, change, count, points
from reports.charts.table import Column, Row, Table
from reports.filters import Filters
from reports.pages.links import of_kind
from reports.pages.page import ALL_FILTERS, Context, Page
from reports.pages.report import Attention, Block, Control, Empty, Figure, Report
from reports.pages.sections import UNNAMED, Breakdown, Headlines, OverTime, PageData
from reports.pages.words import events_in_words, of_period, than
from reports.query import build_series
from reports.query.build_series import Broken, States, Timers
from reports.query.datasets import BUILDS, EVENTS
from reports.query.query import Answer, Line

SERIES = count("series")
LISTED = 100  # series that are not whole
MANY_BROKEN = 0.05  # a share of incomplete series that needs attention
KEYS = ("collection", "repository", "os", "architecture", "agent_version")  # available filters
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def _list_of(metric: str, filters: Filters, keys: Mapping[str, str]) -> str:
    asked: dict[str, str] = {}
    for name, value in keys.items():
        asked |= _column(name, value)
    return of_kind("emitted_event", filters, **asked, **({"final": "yes"} if metric == "final" else {}))


def _column(name: str, value: str) -> dict[str, str]:
    """Return the filter of the list for a value of a dimension."""
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


OVER_TIME = OverTime(
    name="over-time",
    title="Events by collection",
    alt="Events over time, by collection.",
    metric="events",
    by="collection",
    most=6,
    rest="other collections",
    unnamed="other collections",
)
MEASURES = ("events", "final")
BY = {
    key: Breakdown(
        name=name, title=f"By {BUILDS.heading(key).lower()}", by=(key,), metrics=MEASURES, share="events",
        is_half=True,
    )
    for key, name in (
        ("collection", "collections"),
        ("repository", "repositories"),
        ("os", "systems"),
        ("architecture", "architectures"),
        ("agent_version", "agent-versions"),
    )
}  # fmt: skip


class _Series(NamedTuple):
    """Series and timers, which can only be split by collection."""

    by_collection: Sequence[States]
    before: Sequence[States] | None
    broken: Sequence[Broken]
    timers: Timers
    timers_by_collection: Sequence[Timers]

    @classmethod
    def of(cls, filters: Filters, context: Context, collection: str) -> "_Series":
        """Run the queries, optionally for one collection."""
        where, now, compared = {"collection": collection} if collection else {}, context.now, filters.compared
        return cls(
            build_series.states(filters, now, where),
            build_series.states(compared, now, where) if compared else None,
            build_series.broken(filters, now, where, LISTED),
            *build_series.timers(filters, where),
        )

    @property
    def states(self) -> States:
        """Return the series of all collections."""
        return build_series.of_all(self.by_collection)


def build(filters: Filters, context: Context) -> Report:
    """Build the report."""
    narrowed = {name: value for name in KEYS if (value := context.first(name))}
    data = PageData(BUILDS, filters, context, _list_of, narrowed)
    lines = OVER_TIME.answer(data)
    top = Headlines.of(data, MEASURES, OVER_TIME.together(lines))
    has_series = not set(narrowed) - {"collection"}
    series = _Series.of(filters, context, narrowed.get("collection", "")) if has_series else None
    collections = BY["collection"].answer(data)
    blocks = [_over_time(top, lines, collections)]
    if series:
        blocks += [_collections(data, collections, series), _broken(data, series)]
    else:
        blocks.append(BY["collection"].block(data, collections, top.total))
    blocks += [
        section.block(data, section.answer(data), top.total)
        for key, section in BY.items()
        if key != "collection"
    ]
    if series:
        blocks.append(_timers(data, series))
    note = "Events count when they occurred, series and timers when they began."
    if not series:
        note += " Series and timers are told apart by collection only, so they are left out here."
    return Report(
        answer=_answer(top, series),
        figures=tuple(_figures(top, series)),
        attention=tuple(_attention(series, context)) if series else (),
        blocks=tuple(blocks),
        controls=tuple(
            Control(name, BUILDS.heading(name), narrowed.get(name, ""), hint="any")
            for name in KEYS
            if name in narrowed or name in ("collection", "repository")
        ),
        note=note,
        empty=None
        if top.total.count("events")
        else Empty(
            "No builds",
            "Events from Buildless's clients appear here. Choose a longer period, or remove a filter.",
        ),
    )


def _answer(top: Headlines, series: _Series | None) -> str:
    context = top.data.context
    when = of_period(top.data.filters.period, context.now)
    events = top.total.count("events")
    if not events:
        return f"No events of builds {when}."
    said = f"{events_in_words(events)} of builds and tools {when}"
    said += than(events, top.total.earlier("events"), context.compared)
    if series and (share := series.states.whole_share) is not None:
        said += f"; {SHARE.short(share)} of {series.states.over:,} series that are over came whole"
    return f"{said}."


def _figures(top: Headlines, series: _Series | None) -> list[Figure]:
    figures = [
        top.figure("Events", "events", note=f"{top.total.count('final'):,} end a series or stand alone")
    ]
    if not series:
        return figures
    states = series.states
    before = build_series.of_all(series.before) if series.before is not None else None
    share, half = states.whole_share, series.timers.half
    return [
        *figures,
        Figure(
            "Whole series",
            share,
            SHARE,
            points(share, before.whole_share, more_is="good") if before else None,
            note=f"{states.whole:,} of {states.over:,} that are over",
            href="#collections",
            tone="bad" if share is not None and share < 1 - MANY_BROKEN else "",
        ),
        Figure(
            "Series without an end",
            states.unended,
            SERIES,
            change(states.unended, before.unended, more_is="bad") if before else None,
            note=f"{states.running:,} may be running",
            href="#broken",
        ),
        Figure(
            "Timers",
            series.timers.timers,
            count("timers"),
            note=f"half ran up to {SECONDS.short(half)}" if half is not None else "",
            href="#timers",
        ),
    ]


def _attention(series: _Series, context: Context) -> list[Attention]:
    """Return the collections with many incomplete series, worst first."""
    worst = [
        (each.over - each.whole, each)
        for each in series.by_collection
        if 1 - (each.whole_share or 0) > MANY_BROKEN and each.over
    ]
    worst.sort(key=lambda pair: -pair[0])
    return [
        Attention(
            f"{broken:,} of {each.over:,} series of"
            f" {each.collection or UNNAMED} {'is' if broken == 1 else 'are'} not whole:"
            f" {', '.join(_lacks(each))}.",
            context.links.here(collection=each.collection) + "#broken",
            "See which",
        )
        for broken, each in worst[:3]
    ]


def _lacks(states: States) -> list[str]:
    """Return the events that series lack, with counts."""
    return [
        f"{number:,} {what}"
        for number, what in ((states.unended, "without an end"), (states.with_gaps, "with places missing"))
        if number
    ]


def _over_time(top: Headlines, lines: Sequence[Line], collections: Answer) -> Block:
    largest = next((row for row in collections.rows if row.keys[0]), None)
    sentence = ""
    if largest:
        share = largest.count("events") / top.total.count("events")
        sentence = f"The largest is {largest.keys[0]}: {SHARE.short(share)} of all."
    return OVER_TIME.block(top.data, lines, sentence=sentence)


def _collections(data: PageData, found: Answer, series: _Series) -> Block:
    """Show, by collection, how many series are complete."""
    columns = (
        Column("collection", "Collection"),
        Column("events", "Events", EVENTS, has_bar=True),
        Column("series", "Series", SERIES),
        Column("whole", "Whole", SERIES, note="Ended, with no index missing"),
        Column("whole_share", "Whole share", SHARE, note="Of those that are over"),
        Column(
            "unended",
            "Without an end",
            SERIES,
            note="No event has fin, and the last one came over an hour ago",
        ),
        Column("with_gaps", "With gaps", SERIES, note="Ended, but some indexes are missing"),
        Column("missing", "Events missing", EVENTS, note="Judging by the highest index: at least this many"),
        Column("running", "Running", SERIES, note="Without an end yet, last seen in the last hour"),
    )
    by_name = {each.collection: each for each in series.by_collection}
    rows = tuple(_collection(data, str(row.keys[0]), row.count("events"), by_name) for row in found.rows)
    states = series.states
    sentence = (
        f"{states.broken:,} of {states.series:,} series are not whole."
        if states.broken
        else f"All {states.series:,} series are whole, or still running."
    )
    return Block(
        "collections", "By collection", sentence if states.series else "", table=Table(columns, rows)
    )


def _collection(data: PageData, name: str, events: int, by_name: Mapping[str, States]) -> Row:
    cells: tuple[object, ...] = (None,) * 7
    if states := by_name.get(name):
        cells = (
            states.series, states.whole, states.whole_share, states.unended, states.with_gaps,
            states.missing, states.running,
        )  # fmt: skip
    return Row(
        (name or UNNAMED, events, *cells),
        href=data.context.links.here(collection=name) if name else "",
        hrefs={"events": data.list_of("events", data.filters, {"collection": name})} if name else {},
        tones={"unended": "bad"} if states and states.unended else {},
    )


def _broken(data: PageData, series: _Series) -> Block:
    """Show the incomplete series."""
    columns = (
        Column("series", "Series"),
        Column("collection", "Collection"),
        Column("source", "Source"),
        Column("lacks", "What it lacks"),
        Column("events", "Events", EVENTS),
        Column("missing", "Missing", EVENTS),
        Column("first", f"First event ({data.filters.period.zone.key})"),
        Column("latest", "Last event"),
    )
    rows = tuple(_broken_row(data, each) for each in series.broken)
    broken = series.states.broken
    note = f"The first {len(rows):,} of {broken:,}." if broken > len(rows) else ""
    empty = Empty("Every series is complete", "All series that are over have ended, with no index missing.")
    return Block("broken", "Incomplete series", table=Table(columns, rows), note=note, empty=empty)


def _broken_row(data: PageData, each: Broken) -> Row:
    zone = data.filters.period.zone
    lacks = [*([] if each.has_ended else ["an end"]), *(["places"] if each.missing else [])]
    cells = (
        each.scope,
        each.collection,
        data.context.sources.get(each.source_id, ""),
        " and ".join(lacks),
        each.events,
        each.missing,
        each.first.astimezone(zone),
        each.latest.astimezone(zone),
    )
    return Row(cells, href=data.list_of("events", data.filters, {"scope": each.scope}))


def _timers(data: PageData, series: _Series) -> Block:
    """Show how many timers ran, and for how long."""
    columns = (
        Column("collection", "Collection"),
        Column("timers", "Timers", count("timers"), has_bar=True),
        Column("events", "Events", EVENTS),
        Column("half", "Half ran up to", SECONDS, note="From the first event to the last"),
        Column("most", "Nine of ten up to", SECONDS),
    )
    rows = tuple(
        Row(
            (each.collection or UNNAMED, each.timers, each.events, each.half, each.most),
            href=data.context.links.here(collection=each.collection) if each.collection else "",
        )
        for each in series.timers_by_collection
    )
    sentence = ""
    if series.timers.half is not None:
        sentence = f"Half of {series.timers.timers:,} timers ran up to {SECONDS.short(series.timers.half)}."
    empty = Empty("No timers", "Events that belong together can share a timer (event.timer).")
    return Block("timers", "Timers", sentence, table=Table(columns, rows), empty=empty)


# Its events have the agent's version instead of the source's.
PAGE = Page(
    "builds",
    "Builds and tools",
    "construction",
    build,
    filters=tuple(name for name in ALL_FILTERS if name not in ("kind", "version")),
    own=KEYS,
)
