"""Sections of the sessions page: distributions, entry and exit pages, breakdowns, retention by week."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from reports.charts.bar_chart import Bar, Histogram
from reports.charts.numbers import SHARE, count
from reports.charts.table import Column, Row, Table
from reports.figures.sessions import Found
from reports.filters import Filters
from reports.pages.page import Context
from reports.pages.report import Block, Empty
from reports.pages.sections import Breakdown, PageData
from reports.pages.words import sampled
from reports.query.datasets import ENDS, SESSIONS, VISITS
from reports.query.query import Answer
from reports.query.query import Row as QueryRow

UNKNOWN = "(unknown)"
MOST_ROWS = 50  # of a table of pages, versions or countries
# The bars between the edges that the figures are cut at.
SPENT = (
    "under 10 s",
    "10 to 30 s",
    "30 to 60 s",
    "1 to 3 min",
    "3 to 10 min",
    "10 to 30 min",
    "30 to 60 min",
    "over 1 h",
)
DEPTH = ("none", "1", "2", "3", "4 to 5", "6 to 10", "11 to 20", "21 to 50", "over 50")
# The names of the dimensions in the filters of the list of sessions.
AMONG = {"page": "", "device_type": "device", "os_name": "os"}
CUT = "The {rows} with the most sessions of {of:,}."


def _listed(context: Context, what: str, value: object) -> str:
    """Return the address of the page with the sessions behind a number listed."""
    return f"{context.links.here(among=f'{what}:{value}')}#listed"


def _list_of(context: Context, _: str, __: Filters, keys: Mapping[str, str]) -> str:
    """Return the address of that list. For a version or a country, it is the page filtered by it."""
    if "role" in keys:
        return _listed(context, keys["role"], keys["page"])
    ((name, value),) = keys.items()
    if name in AMONG:
        return _listed(context, AMONG[name], value)
    return context.links.here(**{name: value}) if value else ""


def _behind(name: str) -> Callable[[PageData, QueryRow], str]:
    return lambda data, row: data.behind("sessions", {name: str(row.keys[0])})


def _most(verb: str) -> Callable[[PageData, Answer], str]:
    def sentence(_: PageData, found: Answer) -> str:
        if not found.rows:
            return ""
        first = found.rows[0]
        return f"{first.count('sessions'):,} {verb} {first.keys[0] or UNKNOWN}."

    return sentence


BY_ENDS = {
    role: Breakdown(
        name=name,
        title=title,
        by=("page",),
        metrics=("sessions",),
        limit=MOST_ROWS,
        compared="sessions",
        sentence=_most(verb),
        href=_behind("page"),
        links_unnamed=True,
        unnamed=UNKNOWN,
        cut=CUT,
        empty=Empty("No pages", "Pages come from events that say which page is shown (IMPRESSION)."),
        is_half=True,
    )
    for role, name, title, verb in (
        ("entry", "entries", "Entry pages", "begin on"),
        ("exit", "exits", "Exit pages", "end on"),
    )
}
SPLITS = {
    key: Breakdown(
        name=name,
        title=title,
        by=(key,),
        metrics=("sessions", "mean_time", "single_page", "with_errors"),
        limit=MOST_ROWS,
        bar=None,
        links=("sessions",),
        href=_behind(key),
        links_unnamed=True,
        unnamed=UNKNOWN,
        cut=CUT,
        is_half=True,
    )
    for key, name, title in (
        ("device_type", "devices", "By device"),
        ("os_name", "systems", "By operating system"),
        ("version", "versions", "By version"),
        ("country", "countries", "By country"),
    )
}


def histograms(found: Found, context: Context) -> tuple[Block, Block]:
    """Show how long and how deep sessions are."""
    return (
        _histogram("time-spent", "Time spent", "Time", SPENT, found.spent, "spent", context),
        _histogram("depth", "Pages shown", "Pages", DEPTH, found.depth, "pages", context),
    )


def _histogram(
    name: str,
    title: str,
    of: str,
    labels: tuple[str, ...],
    counts: tuple[int, ...],
    among: str,
    context: Context,
) -> Block:
    whole = sum(counts)
    bars = tuple(
        Bar(
            label,
            number,
            href=f"{context.links.here(among=f'{among}:{place}')}#listed",
        )
        for place, (label, number) in enumerate(zip(labels, counts, strict=True))
    )
    sentence = ""
    if whole:
        most = max(bars, key=lambda bar: bar.value or 0)
        sentence = f"Most often {most.name}: {SHARE.short((most.value or 0) / whole)} of the sessions."
    chart = Histogram(f"{title} of sessions. {sentence}", bars, SESSIONS, of)
    rows = tuple(
        Row((bar.name, bar.value, bar.value / whole if whole and bar.value else 0.0), href=bar.href)
        for bar in bars
    )
    columns = (Column("range", of), Column("sessions", "Sessions", SESSIONS), Column("share", "Share", SHARE))
    return Block(name, title, sentence, chart, Table(columns, rows), is_half=True)


def ends(filters: Filters, context: Context) -> tuple[Block, ...]:
    """Show where sessions begin and end."""
    data = PageData(ENDS, filters, context, partial(_list_of, context))
    blocks = []
    for role, section in BY_ENDS.items():
        of_role = replace(data, where={"role": role})
        blocks.append(section.block(of_role, section.answer(of_role)))
    return tuple(blocks)


def splits(filters: Filters, context: Context) -> tuple[tuple[Block, ...], Answer]:
    """Show sessions by device, system, version and country. The answer by version is also returned."""
    data = PageData(VISITS, filters, context, partial(_list_of, context))
    answers = {key: section.answer(data) for key, section in SPLITS.items()}
    return tuple(SPLITS[key].block(data, found) for key, found in answers.items()), answers["version"]


def retention(found: Found, filters: Filters, context: Context) -> Block:
    """Show how many actors who were new in a week came back in each later week."""
    cohorts = found.cohorts
    zone, is_about = filters.period.zone, any(cohort.is_about for cohort in cohorts)
    columns = (
        Column("week", "First seen in the week from", zone=zone.key),
        Column("actors", "Actors", count("actors"), has_bar=True, is_estimate=is_about),
        *(
            Column(
                f"week_{place}",
                f"+{place} week{'s' if place > 1 else ''}",
                SHARE,
                is_heat=True,
                is_estimate=is_about,
            )
            for place in range(1, len(cohorts))
        ),
    )
    rows = []
    for place, cohort in enumerate(cohorts):
        shares: list[float | None] = [
            seen / cohort.seen[0] if cohort.seen[0] and cohorts[place + after].week <= context.now else None
            for after, seen in enumerate(cohort.seen)
            if after
        ]
        week = cohort.week.astimezone(zone).date()
        rows.append(Row((week, cohort.seen[0], *shares, *[None] * (len(cohorts) - 1 - len(shares)))))
    table = Table(columns, tuple(rows) if any(cohort.seen[0] for cohort in cohorts) else ())
    return Block(
        "retention",
        "Retention by week",
        _back(found, context),
        table=table,
        empty=Empty("No new actors", "No actor was new in the weeks up to the end of the period."),
        note="Actors who weren't seen in the 90 days before the first of these weeks. The current week"
        " isn't over."
        f" {sampled(is_about=is_about)}".rstrip(),
    )


def _back(found: Found, context: Context) -> str:
    """Return how many came back a week later, over all weeks whose next week has ended."""
    pairs = list(zip(found.cohorts, found.cohorts[2:], strict=False))
    known = [cohort for cohort, after in pairs if after.week <= context.now]
    new = sum(cohort.seen[0] for cohort in known)
    if not new:
        return ""
    return f"{SHARE.short(sum(cohort.seen[1] for cohort in known) / new)} came back a week later."
