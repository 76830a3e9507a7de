"""At a glance: what applications did, whether it went well, and where it came from."""

from datetime import datetime

from django.urls import reverse

from reports.charts import palette
from reports.charts.numbers import SECONDS, SHARE, Unit, change, count, money
from reports.charts.table import Amount, Column, Row, Table
from reports.charts.time_chart import Series, TimeChart, buckets_of
from reports.figures.overview import Overview, Ranked, Sums, overview
from reports.figures.silent import silent
from reports.filters import Filters
from reports.pages.links import events, sessions
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Block, Empty, Figure, Report
from reports.pages.words import events_in_words, of_period, plural

EVENTS, SESSIONS, VIEWS = count("events"), count("sessions"), count("views")
MUCH_REJECTED = 0.05  # a share that wants attention
MANY_MORE_ERRORS = 1.5  # times as large a share of sessions
MIND = 0.02  # a smaller share of sessions with errors doesn't want attention
SILENT = 3  # sources that are named, those that had sent most
REST = "other kinds"
NOTE = (
    "Events count when they occurred, sessions when they began. "
    "Sessions, actors and devices aren't narrowed by kind. "
    "What is received, rejected and charged counts in the hour of receipt, UTC."
)


def build(filters: Filters, context: Context) -> Report:
    """The report."""
    found = overview(filters, context.now)
    return Report(
        answer=_answer(found, filters, context),
        figures=tuple(_figures(found, filters, context.now)),
        attention=tuple(_attention(found, filters, context)),
        blocks=(
            _by_kind(found, filters, context),
            _numbers(found, context),
            _sources(found, filters, context),
            _pages(found, filters, context),
        ),
        note=NOTE,
        empty=None if found.sums.events or found.sums.received else _empty(context),
    )


def _empty(context: Context) -> Empty:
    if context.links.params:
        return Empty(href=context.links.lifted(), label="Lift all filters")
    return Empty(
        "Nothing has come in yet", "Once applications send events, they appear here within a minute."
    )


def _answer(found: Overview, filters: Filters, context: Context) -> str:
    """The page in a sentence."""
    when = of_period(filters.period, context.now)
    if not found.sums.events:
        return f"No events {when}."
    said = f"{events_in_words(found.sums.events)} {when}"
    if found.before:
        said += _compared(found.sums.events, found.before.events, context)
    if len(found.sources) > 1:
        part = SHARE.short(found.sources[0].count / found.sums.events)
        said += f"; {_source(found.sources[0], context)} sent {part} of them"
    return f"{said}."


def _compared(value: int, before: int, context: Context) -> str:
    if not before:
        return f", none in {context.compared}"
    if value == before:
        return f", as many as in {context.compared}"
    differs = change(value, before)
    return f", {differs.than} in {context.compared}" if differs else ""


def _figures(found: Overview, filters: Filters, now: datetime) -> list[Figure]:
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
            href=sessions(filters, now),
        ),
        Figure(
            "Active actors",
            sums.actors,
            count("actors"),
            change(sums.actors, before.actors) if before else None,
            note=f"on {plural(sums.devices, 'device')}",
        ),
        Figure(
            "Sessions with errors",
            sums.error_share,
            SHARE,
            change(sums.error_share, before.error_share, more_is="bad") if before else None,
            spark=shares,
            note=plural(sums.with_errors, "session"),
            href=sessions(filters, now, errors="some"),
        ),
    ]


def _attention(found: Overview, filters: Filters, context: Context) -> list[Attention]:
    """Sources that sent before and are silent now, more errors than before, much rejected."""
    said = [
        Attention(
            f"{context.sources.get(each.source, 'A source')} sent nothing;"
            f" {plural(each.before, 'event')} in {context.compared}.",
            context.links.here(source=each.source),
            "Look at it",
        )
        for each in silent(filters)[:SILENT]
    ]
    sums, before = found.sums, found.before
    if before and has_more_errors(sums, before):
        shares = [SHARE.short(each.error_share or 0) for each in (sums, before)]
        said.append(
            Attention(
                f"{shares[0]} of sessions had errors, {shares[1]} in {context.compared}.",
                sessions(filters, context.now, errors="some"),
                "See them",
            )
        )
    if has_much_rejected(sums):
        said.append(
            Attention(
                f"{plural(sums.rejected or 0, 'event')} of {sums.received or 0:,} "
                f"{'was' if sums.rejected == 1 else 'were'} rejected.",
                reverse("admin:ingestion_rejected_groups"),
                "See why",
            )
        )
    return said


def has_more_errors(sums: Sums, before: Sums) -> bool:
    """Whether many more sessions than before had errors."""
    share, usual = sums.error_share or 0, before.error_share or 0
    return bool(usual) and share > MIND and share > usual * MANY_MORE_ERRORS


def has_much_rejected(sums: Sums) -> bool:
    """Whether so much was rejected that somebody should look at it."""
    return (sums.rejected_share or 0) > MUCH_REJECTED


def _by_kind(found: Overview, filters: Filters, context: Context) -> Block:
    named = [(REST if kind is None else kind, values) for kind, values in found.by_kind]
    hues = palette.of_kinds([name for name, _ in named if name != REST]) | {REST: palette.REST}
    series = [
        Series(name, values, hues[name], ("kind", name) if name != REST else None) for name, values in named
    ]
    if found.events_before is not None and series:
        places = len(series[0].values)
        beside = (*found.events_before, *(None,) * places)[:places]
        series.append(Series(context.compared, beside, palette.REST, is_beside=True))
    sentence = ""
    if named and found.sums.events:
        part = SHARE.short(sum(value or 0 for value in named[0][1]) / found.sums.events)
        sentence = f"Most are {named[0][0]}: {part} of all."
    buckets = buckets_of(filters.period, filters.granularity, context.now, context.links.days)
    chart = TimeChart(
        f"Events over time, by kind. {sentence}", filters.period, buckets, tuple(series), EVENTS
    )
    return Block("kinds", "Events, by kind", sentence, chart)


# Title, unit, whether more of it is good or bad, and the number.
MEASURES: tuple[tuple[str, Unit, str, str], ...] = (
    ("Sessions", SESSIONS, "", "sessions"),
    ("Sessions with errors", SHARE, "bad", "error_share"),
    ("Time spent in a session, median", SECONDS, "", "median"),
    ("Time spent, nine of ten are below", SECONDS, "", "longest_tenth"),
    ("Active actors", count("actors"), "", "actors"),
    ("Active devices", count("devices"), "", "devices"),
    ("Received", EVENTS, "", "received"),
    ("Rejected of what was received", SHARE, "bad", "rejected_share"),
)


def _numbers(found: Overview, context: Context) -> Block:
    columns = [Column("measure", "Measure"), Column("value", "Value", is_amounts=True)]
    if found.before:
        columns.append(Column("before", context.compared.capitalize(), is_amounts=True))
        columns.append(Column("change", "Change"))
    rows = [_measured(found.sums, found.before, *measure) for measure in MEASURES]
    if found.cost:
        unit, empty = money(found.cost.currency), (None,) * (len(columns) - 2)
        rows.append(Row(("Cost of this month so far (UTC)", Amount(found.cost.so_far, unit), *empty)))
        rows.append(Row(("Cost of this month, forecast", Amount(found.cost.expected, unit), *empty)))
    return Block("numbers", "In numbers", table=Table(tuple(columns), tuple(rows)))


def _measured(sums: Sums, before: Sums | None, title: str, unit: Unit, more_is: str, name: str) -> Row:
    value = getattr(sums, name)
    cells = (title, Amount(value, unit))
    if before is None:
        return Row(cells)
    differs = change(value, getattr(before, name), more_is=more_is)
    return Row(
        (*cells, Amount(getattr(before, name), unit), differs.text if differs else None),
        tones={"change": differs.tone} if differs and differs.tone else {},
    )


def _sources(found: Overview, filters: Filters, context: Context) -> Block:
    hues = palette.of_sources([int(each.key) for each in found.sources])
    rows = tuple(
        _row(
            each,
            _source(each, context),
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


def _pages(found: Overview, filters: Filters, context: Context) -> Block:
    rows = tuple(_row(each, str(each.key) or "(no name)", "", "", filters) for each in found.pages)
    return Block(
        "pages",
        "Pages shown most",
        table=Table(_columns("page", "Page", VIEWS, filters, context), rows),
        empty=Empty("No pages were shown", "Sources tell of pages by IMPRESSION, or by loads of a page."),
        is_half=True,
    )


def _columns(name: str, title: str, unit: Unit, filters: Filters, context: Context) -> tuple[Column, ...]:
    before = (Column("before", context.compared.capitalize(), unit),) if filters.compare else ()
    return (Column(name, title), Column(unit.name, unit.name.capitalize(), unit, has_bar=True), *before)


def _row(each: Ranked, name: str, href: str, leads: str, filters: Filters, hue: int | None = None) -> Row:
    cells = (name, each.count, each.before) if filters.compare else (name, each.count)
    return Row(cells, href, {"events": leads} if leads else {}, hue)


def _source(each: Ranked, context: Context) -> str:
    return context.sources.get(int(each.key), f"source {each.key}")


PAGE = Page("overview", "At a glance", "bar_chart", build)
