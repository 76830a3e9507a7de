"""The sessions page: number, duration, depth, entry and exit pages, and returning actors."""

from datetime import datetime
from functools import partial

from django.utils.text import capfirst

from reports.charts.numbers import SECONDS, SHARE, change, count, points
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Draw, Series, TimeChart, buckets_of
from reports.figures.sessions import COLUMNS, RANGES, Among, Found, Listed, among_of, listed, sessions
from reports.filters import Filters
from reports.pages import bots
from reports.pages.activity import session_sections
from reports.pages.activity.funnel import block as funnel_block
from reports.pages.activity.session_sections import UNKNOWN
from reports.pages.links import session_page, unfilter_link, within
from reports.pages.links import sessions as session_list
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Block, Control, Empty, Figure, Report
from reports.pages.sections import compared_series
from reports.pages.words import IN_ONE, about, of_period, plural, sampled, than
from reports.query.datasets import SESSIONS
from reports.query.query import Answer

ACTORS = count("actors")
OF_ALL_TIMES = 2  # this many times the usual share of sessions with errors needs attention
FEW = 20  # sessions of which a share says little
RANGE_LABELS = {"spent": session_sections.SPENT, "pages": session_sections.DEPTH}


def build(filters: Filters, context: Context) -> Report:
    """Build the report."""
    found = sessions(filters, context.now)
    among = among_of(context.first("among"))
    rows = listed(filters, among)
    splits, by_version = session_sections.splits(filters, context)
    return Report(
        answer=_answer(found, filters, context),
        figures=tuple(_figures(found, filters, context)),
        attention=tuple(_attention(found, by_version, context)),
        blocks=(
            _over_time(found, filters, context),
            *session_sections.histograms(found, context),
            funnel_block(filters, context),
            *session_sections.ends(filters, context),
            *splits,
            _actors(found, filters, context),
            session_sections.retention(found, filters, context),
            _listed(rows, among, filters, context),
        ),
        controls=_controls(among),
        note="A session counts when it began; an actor by the events of the period."
        " Medians and other percentiles are estimates, accurate to 3 %."
        f" {sampled(is_about=found.sums.actors_are_about or found.sums.new_are_about)}".rstrip(),
        empty=None if found.sums.sessions else _empty(context),
    )


def _empty(context: Context) -> Empty:
    if context.links.params:
        return Empty(**unfilter_link(context.links))
    return Empty(
        "No sessions yet",
        "Events with a session ID or a device are summarised as sessions a few seconds after they are filed.",
    )


def _answer(found: Found, filters: Filters, context: Context) -> str:
    """Return the summary sentence."""
    when = of_period(filters.period, context.now)
    if not found.sums.sessions:
        return f"No session began {when}."
    said = f"{plural(found.sums.sessions, 'session')} {when}"
    said += than(found.sums.sessions, found.before.sessions if found.before else None, context.compared)
    if found.sums.median is not None:
        said += f"; half of them took {SECONDS.short(found.sums.median)} or longer"
    single = found.sums.single_page / found.sums.sessions
    return f"{said}, and {SHARE.short(single)} of them saw one page only."


def _figures(found: Found, filters: Filters, context: Context) -> list[Figure]:
    sums, before = found.sums, found.before
    share = sums.single_page / sums.sessions if sums.sessions else None
    share_before = before.single_page / before.sessions if before and before.sessions else None
    newly = about(plural(sums.new_actors or 0, "new one"), is_about=sums.new_are_about)
    return [
        Figure(
            "Sessions",
            sums.sessions,
            SESSIONS,
            change(sums.sessions, before.sessions, more_is="good") if before else None,
            spark=found.sessions,
            href=session_list(filters),
        ),
        Figure(
            "Time spent, median",
            sums.median,
            SECONDS,
            change(sums.median, before.median) if before else None,
            note=f"one of ten over {SECONDS.short(sums.ninetieth)}" if sums.ninetieth is not None else "",
            href="#time-spent",
        ),
        Figure(
            "One page only",
            share,
            SHARE,
            points(share, share_before, more_is="bad") if before else None,
            note=plural(sums.single_page, "session"),
            href=f"{context.links.here(among='pages:1')}#listed",
        ),
        Figure(
            "Actors",
            sums.actors,
            ACTORS,
            change(sums.actors, before.actors, more_is="good") if before else None,
            spark=[
                None if new is None or back is None else new + back
                for new, back in zip(found.new, found.returning, strict=True)
            ],
            note=newly,
            href="#actors",
            is_about=sums.actors_are_about,
        ),
    ]


def _attention(found: Found, by_version: Answer, context: Context) -> list[Attention]:
    """Return the versions with far more sessions with errors than average."""
    sums = found.sums
    usual = sums.with_errors / sums.sessions if sums.sessions else 0.0
    shares = [(row.number("with_errors") or 0.0, row) for row in by_version.rows]
    bad = [pair for pair in shares if pair[1].count("sessions") >= FEW and pair[0] > OF_ALL_TIMES * usual > 0]
    bad.sort(key=lambda pair: -pair[0])
    return [
        Attention(
            f"{SHARE.short(share)} of the sessions of version"
            f" {row.keys[0] or UNKNOWN} had an error, of all sessions {SHARE.short(usual)}.",
            context.links.to("errors", version=row.keys[0] or None),
            "Look at its errors",
        )
        for share, row in bad[:3]
    ]


def _over_time(found: Found, filters: Filters, context: Context) -> Block:
    known = [value for value in found.sessions if value is not None]
    step = IN_ONE[filters.granularity]
    sentence = f"At most {plural(max(known), 'session')} began {step}." if known else ""
    series = [Series("sessions", found.sessions, 0, behind=partial(_behind, filters))]
    series += compared_series(context.compared, found.sessions_before, len(found.sessions))
    buckets = buckets_of(filters.period, filters.granularity, context.now, context.links.days)
    chart = TimeChart(f"Sessions over time. {sentence}", filters.period, buckets, tuple(series), SESSIONS)
    return Block("over-time", "Sessions over time", sentence, chart)


def _behind(filters: Filters, since: datetime, until: datetime) -> str:
    """Return the address of the sessions that began in a bucket."""
    return session_list(filters, **within(since, until))


def _actors(found: Found, filters: Filters, context: Context) -> Block:
    new = found.sums.new_actors or 0
    back = max(found.sums.actors - new, 0)  # with samples, each is slightly off
    came = about(plural(new, "actor"), is_about=found.sums.new_are_about)
    sentence = f"{came} came for the first time in three months, {back:,} came back."
    sentence = capfirst(sentence)
    buckets = buckets_of(filters.period, filters.granularity, context.now, context.links.days)
    is_estimate = found.sums.actors_are_about or found.sums.new_are_about
    series = (
        Series("returning", found.returning, 0, is_estimate=is_estimate),
        Series("new", found.new, 3, is_estimate=is_estimate),
    )
    chart = TimeChart(
        f"New and returning actors over time. {sentence}",
        filters.period,
        buckets,
        series,
        ACTORS,
        Draw.BARS,
    )
    note = (
        "An actor is new if they weren't seen in the 90 days before the period. After their first step they"
        " count as returning."
    )
    return Block("actors", "New and returning actors", sentence, chart, note=note)


def _controls(among: Among) -> tuple[Control, ...]:
    """Return a field that shows the filter of the list of sessions and removes it; empty without a filter."""
    if not among.what:
        return ()
    return (Control("among", "Listed", among.text, (("", "All sessions"), (among.text, _in_words(among)))),)


def _in_words(among: Among) -> str:
    if among.what in RANGES:
        label = RANGE_LABELS[among.what][int(among.value)]
        return f"{'time spent' if among.what == 'spent' else 'pages'}: {label}"
    assert among.what in COLUMNS, "nothing else is supported"
    return f"{'OS' if among.what == 'os' else among.what}: {among.value or UNKNOWN}"


def _listed(rows: list[Listed], among: Among, filters: Filters, context: Context) -> Block:
    columns = (
        Column("session", "Session", is_id=True),
        Column("started", "Started"),
        Column("source", "Source"),
        Column("time_spent", "Time spent", SECONDS),
        Column("pages", "Pages", count("pages")),
        Column("events", "Events", count("events")),
        Column("errors", "Errors", count("errors")),
        Column("entry", "Entry"),
        Column("exit", "Exit"),
    )
    table = Table(columns, tuple(_row(row, filters, context) for row in rows))
    sentence = (
        f"The latest with {_in_words(among)}."
        if among.what
        else "The latest sessions that began in this period."
    )
    title = "Sessions behind the number" if among.what else "Latest sessions"
    return Block("listed", title, sentence, table=table)


def _row(row: Listed, filters: Filters, context: Context) -> Row:
    started = row.started_at.astimezone(filters.period.zone)
    return Row(
        (
            row.name,
            started,
            context.sources.get(row.source_id, ""),
            row.time_spent,
            row.page_views,
            row.events,
            row.errors,
            row.first_page,
            row.last_page,
        ),
        href=session_page(row.id),
        tones={"errors": "bad"} if row.errors else {},
    )


PAGE = Page(
    "sessions",
    "Sessions",
    "route",
    build,
    filters=("owner", "source", "version", "country", "bots", "period", "compare", "granularity", "zone"),
    own=("step", "among"),
    of_bots=bots.of_sessions,
)
