"""At a glance: what applications did, if anything went wrong, and where events came from."""

from datetime import datetime
from functools import partial

from django.urls import reverse
from django.utils.text import capfirst

from reports.charts import palette
from reports.charts.numbers import SECONDS, SHARE, Unit, change, count, money, points
from reports.charts.table import Amount, Column, Row, Table
from reports.charts.time_chart import Series, TimeChart, buckets_of
from reports.figures.overview import Overview, Ranked, Sums, overview
from reports.filters import Filters
from reports.pages import bots
from reports.pages.health.silent_sources import silent_sources
from reports.pages.links import (
    events,
    is_address,
    of_page,
    rejected,
    rejected_groups,
    sessions,
    unfilter_link,
    within,
)
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Block, Empty, Figure, Report
from reports.pages.sections import compared_column, compared_series
from reports.pages.words import about, during, events_in_words, in_utc_hours, of_period, plural, sampled, than

MUCH_REJECTED = 0.05  # shares from here on need attention
MANY_MORE_ERRORS = 1.5  # times as large a share of sessions
MIND = 0.02  # a smaller share of sessions with errors needs no attention
NOTE = (
    "Events count when they occurred, sessions when they began. "
    "Sessions, actors and devices aren't narrowed by kind. "
    "Events received, events rejected and charges count in the hour of receipt, UTC."
)


def build(filters: Filters, context: Context) -> Report:
    """Build the report."""
    found = overview(filters, context.now)
    return Report(
        answer=_answer(found, filters, context),
        figures=tuple(_figures(found, filters)),
        attention=tuple(_attention(found, filters, context)),
        blocks=(
            by_kind(found, filters, context),
            numbers(found, filters, context),
            sources(found, filters, context),
            pages(found, filters, context),
        ),
        note=" ".join(filter(None, _notes(found, filters))),
        empty=None if found.sums.events or found.sums.received else _empty(context),
    )


def _notes(found: Overview, filters: Filters) -> tuple[str, ...]:
    """Return the notes about how figures are counted."""
    return NOTE, in_utc_hours(filters.period, "That is"), sampled(is_about=_is_about(found))


def _is_about(found: Overview) -> bool:
    return found.sums.is_about or bool(found.before and found.before.is_about)


def _empty(context: Context) -> Empty:
    if context.links.params:
        return Empty(**unfilter_link(context.links))
    return Empty(
        "Nothing has been received yet", "Once applications send events, they appear here within a minute."
    )


def _answer(found: Overview, filters: Filters, context: Context) -> str:
    """Return the summary sentence."""
    when = of_period(filters.period, context.now)
    if not found.sums.events:
        return f"No events {when}."
    said = f"{events_in_words(found.sums.events)} {when}"
    said += than(found.sums.events, found.before.events if found.before else None, context.compared)
    if len(found.sources) > 1:
        part = SHARE.short(found.sources[0].count / found.sums.events)
        said += f"; {source_name(found.sources[0], context)} sent {part} of them"
    return f"{said}."


def _figures(found: Overview, filters: Filters) -> list[Figure]:
    sums, before = found.sums, found.before
    shares = [
        (bad or 0) / all_of if all_of else None
        for bad, all_of in zip(found.with_errors, found.sessions, strict=True)
    ]
    return [
        Figure(
            "Events",
            sums.events,
            EVENTS,
            change(sums.events, before.events) if before else None,
            spark=found.events,
            href=events(filters),
        ),
        Figure(
            "Sessions",
            sums.sessions,
            SESSIONS,
            change(sums.sessions, before.sessions) if before else None,
            spark=found.sessions,
            href=sessions(filters),
        ),
        Figure(
            "Active actors",
            sums.actors,
            count("actors"),
            change(sums.actors, before.actors) if before else None,
            href=events(filters.of_people, kind=""),
            note=about(f"on {plural(sums.devices, 'device')}", is_about=sums.is_about),
            is_about=sums.is_about,
        ),
        Figure(
            "Sessions with errors",
            sums.error_share,
            SHARE,
            points(sums.error_share, before.error_share, more_is="bad") if before else None,
            spark=shares,
            note=plural(sums.with_errors, "session"),
            href=sessions(filters, errors="some"),
        ),
    ]


def _attention(found: Overview, filters: Filters, context: Context) -> list[Attention]:
    """Return alerts about silent sources, an increase in errors, and many rejections."""
    said = silent_sources(found.silent, context)
    sums, before = found.sums, found.before
    if before and has_more_errors(sums, before):
        shares = [SHARE.short(each.error_share or 0) for each in (sums, before)]
        said.append(
            Attention(
                f"{shares[0]} of sessions had errors, {shares[1]} {during(context.compared)}.",
                sessions(filters, errors="some"),
                "See them",
            )
        )
    if has_much_rejected(sums):
        said.append(
            Attention(
                f"{plural(sums.rejected or 0, 'event')} of {sums.received or 0:,} "
                f"{'was' if sums.rejected == 1 else 'were'} rejected.",
                rejected_groups(filters),
                "See why",
            )
        )
    return said


def has_more_errors(sums: Sums, before: Sums) -> bool:
    """True if many more sessions than before had errors."""
    share, usual = sums.error_share or 0, before.error_share or 0
    return bool(usual) and share > MIND and share > usual * MANY_MORE_ERRORS


def has_much_rejected(sums: Sums) -> bool:
    """True if so much was rejected that somebody should look into it."""
    return (sums.rejected_share or 0) > MUCH_REJECTED


PAGE = Page("overview", "At a glance", "bar_chart", build, of_bots=bots.of_sessions_or_events)


EVENTS, SESSIONS, VIEWS = count("events"), count("sessions"), count("views")
REST = "other kinds"


def by_kind(found: Overview, filters: Filters, context: Context) -> Block:
    """Show events over time, by kind."""
    named = [(REST if kind is None else kind, values) for kind, values in found.by_kind]
    hues = palette.of_kinds([name for name, _ in named if name != REST]) | {REST: palette.REST}
    series = [
        Series(name, values, hues[name])
        if name == REST
        else Series(name, values, hues[name], ("kind", name), behind=partial(_behind, filters, name))
        for name, values in named
    ]
    if series:
        series += compared_series(context.compared, found.events_before, len(series[0].values))
    sentence = ""
    if named and found.sums.events:
        part = SHARE.short(sum(value or 0 for value in named[0][1]) / found.sums.events)
        sentence = f"The most frequent is {named[0][0]}: {part} of all."
    buckets = buckets_of(filters.period, filters.granularity, context.now, context.links.days)
    chart = TimeChart(
        f"Events over time, by kind. {sentence}", filters.period, buckets, tuple(series), EVENTS
    )
    return Block("kinds", "Events, by kind", sentence, chart)


def _behind(filters: Filters, kind: str, since: datetime, until: datetime) -> str:
    """Return the address of the events of a kind in a bucket."""
    return events(filters, kind=kind, **within(since, until))


# Title, unit, if an increase is good or bad, and the number.
MEASURES: tuple[tuple[str, Unit, str, str], ...] = (
    ("Sessions", SESSIONS, "", "sessions"),
    ("Sessions with errors", SHARE, "bad", "error_share"),
    ("Time spent per session, median (estimate)", SECONDS, "", "median"),
    ("Time spent per session, 90th percentile (estimate)", SECONDS, "", "longest_tenth"),
    ("Active actors", count("actors"), "", "actors"),
    ("Active devices", count("devices"), "", "devices"),
    ("Received", EVENTS, "", "received"),
    ("Share of received events that were rejected", SHARE, "bad", "rejected_share"),
)
OF_RECEIPT = ("received", "rejected_share")  # counted by hour
SAMPLED = ("actors", "devices")  # of those that are very many a sample is counted


def _behind_number(name: str, filters: Filters, context: Context) -> str:
    """Return the link of a number: to what it counts, or to the page about it."""
    match name:
        case "sessions":
            return sessions(filters)
        case "error_share":
            return sessions(filters, errors="some")
        case "rejected_share":
            return rejected(filters)
        case "received":
            return reverse("admin:ingestion_accounts")
        case "actors" | "devices":
            return events(filters.of_people, kind="")
        case _:
            return context.links.to("sessions")


def numbers(found: Overview, filters: Filters, context: Context) -> Block:
    """Show the figures of the period and of the compared one."""
    columns = [Column("measure", "Measure"), Column("value", "Value", is_amounts=True)]
    if found.before:
        columns.append(Column("before", "Before", is_amounts=True, note=capfirst(context.compared)))
        columns.append(Column("change", "Change"))
    is_off = filters.period.is_off_utc_hours
    rows = [
        _measured(
            found.sums,
            found.before,
            _behind_number(name, filters, context),
            f"{title}{' (UTC hours)' if is_off and name in OF_RECEIPT else ''}",
            unit,
            more_is,
            name,
        )
        for title, unit, more_is, name in MEASURES
    ]
    if found.cost:
        unit, empty = money(found.cost.currency), (None,) * (len(columns) - 2)
        told = (
            ("Cost of this month so far (UTC)", found.cost.so_far),
            ("Cost of this month, forecast", found.cost.expected),
        )
        charged = {"value": context.links.to("cost")}
        rows += [Row((title, Amount(value, unit), *empty), hrefs=charged) for title, value in told]
    return Block("numbers", "In numbers", table=Table(tuple(columns), tuple(rows)))


def _measured(
    sums: Sums, before: Sums | None, href: str, title: str, unit: Unit, more_is: str, name: str
) -> Row:
    value = getattr(sums, name)
    if name in SAMPLED and (sums.is_about or (before and before.is_about)):
        title = f"{title} (estimate)"
    cells = (title, Amount(value, unit))
    hrefs = {"value": href} if value else {}
    if before is None:
        return Row(cells, hrefs=hrefs)
    compared = points if unit is SHARE else change
    differs = compared(value, getattr(before, name), more_is=more_is)
    return Row(
        (*cells, Amount(getattr(before, name), unit), differs.text if differs else None),
        hrefs=hrefs,
        tones={"change": differs.tone} if differs and differs.tone else {},
    )


def sources(found: Overview, filters: Filters, context: Context) -> Block:
    """Show the most active sources."""
    hues = palette.of_sources([int(each.key) for each in found.sources])
    rows = tuple(
        _row(
            each,
            source_name(each, context),
            context.links.here(source=int(each.key)),
            events(filters, source=int(each.key)),
            filters,
            hues[int(each.key)],
        )
        for each in found.sources
    )
    sentence = f"{len(rows)} of {found.sources_in_all:,}." if found.sources_in_all > len(rows) else ""
    return Block(
        "sources",
        "Sources",
        sentence,
        table=Table(_columns("source", "Source", EVENTS, filters, context), rows),
        is_half=True,
    )


def pages(found: Overview, filters: Filters, context: Context) -> Block:
    """Show the most viewed pages."""
    rows = tuple(_page_row(each, found, filters, context) for each in found.pages)
    return Block(
        "pages",
        "Most viewed pages",
        table=Table(_columns("page", "Page", VIEWS, filters, context), rows),
        empty=Empty(
            "No pages were shown", "Pages come from IMPRESSION events, and from messages about page loads."
        ),
        is_half=True,
    )


def _page_row(each: Ranked, found: Overview, filters: Filters, context: Context) -> Row:
    """Return the row of a page, with links to its sessions and events."""
    name = str(each.key)
    steps = context.links.to("sessions", step=[f"page:{name}"]) + "#funnel" if name else ""
    return _row(each, name or "(no name)", steps, _views(name, found, filters) or steps, filters, at="views")


def _views(page: str, found: Overview, filters: Filters) -> str:
    """Return the address of the events that showed a page; empty if their kind is unknown."""
    kinds = {kind for kind, _ in found.by_kind}
    return of_page(page, filters) if is_address(page) or not kinds & {"ui_action", None} else ""


def _columns(name: str, title: str, unit: Unit, filters: Filters, context: Context) -> tuple[Column, ...]:
    before = compared_column(unit, filters, context)
    return (Column(name, title), Column(unit.name, unit.name.capitalize(), unit, has_bar=True), *before)


def _row(
    each: Ranked,
    name: str,
    href: str,
    leads: str,
    filters: Filters,
    hue: int | None = None,
    at: str = "events",
) -> Row:
    cells = (name, each.count, each.before) if filters.compare else (name, each.count)
    return Row(cells, href, {at: leads} if leads else {}, hue)


def source_name(each: Ranked, context: Context) -> str:
    """Return the name of a source for people."""
    return context.sources.get(int(each.key), f"source {each.key}")
