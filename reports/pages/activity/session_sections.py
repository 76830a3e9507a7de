"""Parts of the sessions page: distributions, entry and exit pages, what sessions share, retention by week."""

from django.utils.text import capfirst

from reports.charts.bar_chart import Bar, Histogram
from reports.charts.numbers import SECONDS, SHARE, count
from reports.charts.table import Column, Row, Table
from reports.figures.sessions import Found, Part, Parts
from reports.filters import Filters
from reports.pages.page import Context
from reports.pages.report import Block, Empty
from reports.pages.words import sampled

SESSIONS = count("sessions")
UNKNOWN = "(unknown)"
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
_SPLITS = {
    "device_type": ("devices", "By device", "Device", "device"),
    "os_name": ("systems", "By operating system", "System", "os"),
    "version": ("versions", "By version", "Version", ""),
    "country": ("countries", "By country", "Country", ""),
}


def histograms(found: Found, context: Context) -> tuple[Block, Block]:
    """How long, and how deep."""
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


def ends(found: Found, filters: Filters, context: Context) -> tuple[Block, Block]:
    """Where sessions begin and end."""
    return (
        _pages("entries", "Entry pages", "entry", found.entries, filters, context),
        _pages("exits", "Exit pages", "exit", found.exits, filters, context),
    )


def _pages(name: str, title: str, role: str, parts: Parts, filters: Filters, context: Context) -> Block:
    columns = [
        Column("page", "Page"),
        Column("sessions", "Sessions", SESSIONS, has_bar=True),
        Column("before", "Before", SESSIONS, note=capfirst(context.compared)),
    ]
    rows = [_page(part, role, context) for part in parts.rows]
    table = _without_before(Table(tuple(columns), tuple(rows)), filters)
    sentence = _first_in_words(parts, "begin on" if role == "entry" else "end on")
    empty = Empty("No pages", "Sessions have pages where events say which one is shown (IMPRESSION).")
    return Block(name, title, sentence, table=table, empty=empty, note=_rest(parts), is_half=True)


def _page(part: Part, role: str, context: Context) -> Row:
    here = f"{context.links.here(among=f'{role}:{part.name}')}#listed"
    return Row((part.name or UNKNOWN, part.sessions, part.before), href=here, hrefs={"sessions": here})


def _without_before(table: Table, filters: Filters) -> Table:
    """The table without the column of what nothing is compared with."""
    if filters.compare:
        return table
    place = next(place for place, column in enumerate(table.columns) if column.name == "before")
    return Table(
        (*table.columns[:place], *table.columns[place + 1 :]),
        tuple(
            Row((*row.cells[:place], *row.cells[place + 1 :]), row.href, row.hrefs, row.hue, row.tones)
            for row in table.rows
        ),
    )


def _first_in_words(parts: Parts, verb: str) -> str:
    if not parts.rows:
        return ""
    first = parts.rows[0]
    return f"{first.sessions:,} {verb} {first.name or UNKNOWN}."


def _rest(parts: Parts) -> str:
    return (
        f"The {len(parts.rows)} with the most sessions of {parts.of:,}." if parts.of > len(parts.rows) else ""
    )


def splits(found: Found, context: Context) -> tuple[Block, ...]:
    """Sessions by device, system, version and country."""
    return tuple(_split(key, parts, context) for key, parts in found.splits.items())


def _split(key: str, parts: Parts, context: Context) -> Block:
    name, title, heading, among = _SPLITS[key]
    columns = (
        Column(key, heading),
        Column("sessions", "Sessions", SESSIONS),
        Column("mean_time", "Mean time", SECONDS),
        Column("single_page", "One page", SHARE, note="Share of sessions that were shown one page only"),
        Column("with_errors", "With errors", SHARE, note="Share of sessions that had an error"),
    )
    rows = []
    for part in parts.rows:
        here = context.links.here(**{key: part.name}) if not among and part.name else ""
        if among:
            here = f"{context.links.here(among=f'{among}:{part.name}')}#listed"
        rows.append(
            Row(
                (
                    part.name or UNKNOWN,
                    part.sessions,
                    part.time_spent / part.sessions,
                    part.single_page / part.sessions,
                    part.with_errors / part.sessions,
                ),
                href=here,
                hrefs={"sessions": here},
            )
        )
    table = Table(columns, tuple(rows))
    return Block(name, title, table=table, note=_rest(parts), is_half=True)


def retention(found: Found, filters: Filters, context: Context) -> Block:
    """How many of those who were new in a week were there in each week after it."""
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
        empty=Empty("Nobody to come back", "No actor was new in the weeks up to the end of the period."),
        note="Actors not seen in the 90 days before the first of these weeks. The running week isn't over."
        f" {sampled(is_about=is_about)}".rstrip(),
    )


def _back(found: Found, context: Context) -> str:
    """How many came back a week later, of all weeks whose next one is over."""
    pairs = list(zip(found.cohorts, found.cohorts[2:], strict=False))
    known = [cohort for cohort, after in pairs if after.week <= context.now]
    new = sum(cohort.seen[0] for cohort in known)
    if not new:
        return ""
    return f"{SHARE.short(sum(cohort.seen[1] for cohort in known) / new)} came back a week later."
