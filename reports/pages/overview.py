"""At a glance: what applications did, whether it went well, and where it came from."""

from reports.charts.numbers import SHARE, change, count, points
from reports.figures.overview import Overview, Sums, overview
from reports.filters import Filters
from reports.pages import bots, overview_blocks
from reports.pages.links import events, rejected_groups, sessions
from reports.pages.overview_blocks import EVENTS, SESSIONS, source_name
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Empty, Figure, Report
from reports.pages.silent import silent_sources
from reports.pages.way_out import way_out
from reports.pages.words import about, during, events_in_words, in_utc_hours, of_period, plural, sampled, than

MUCH_REJECTED = 0.05  # a share that wants attention
MANY_MORE_ERRORS = 1.5  # times as large a share of sessions
MIND = 0.02  # a smaller share of sessions with errors doesn't want attention
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
        figures=tuple(_figures(found, filters)),
        attention=tuple(_attention(found, filters, context)),
        blocks=(
            overview_blocks.by_kind(found, filters, context),
            overview_blocks.numbers(found, filters, context),
            overview_blocks.sources(found, filters, context),
            overview_blocks.pages(found, filters, context),
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
        return Empty(**way_out(context.links))
    return Empty(
        "Nothing has come in yet", "Once applications send events, they appear here within a minute."
    )


def _answer(found: Overview, filters: Filters, context: Context) -> str:
    """The page in a sentence."""
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
    """Sources that are silent now, more errors than before, much rejected."""
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
    """Whether many more sessions than before had errors."""
    share, usual = sums.error_share or 0, before.error_share or 0
    return bool(usual) and share > MIND and share > usual * MANY_MORE_ERRORS


def has_much_rejected(sums: Sums) -> bool:
    """Whether so much was rejected that somebody should look at it."""
    return (sums.rejected_share or 0) > MUCH_REJECTED


PAGE = Page("overview", "At a glance", "bar_chart", build, of_bots=bots.of_sessions_or_events)
