"""The errors page: which errors occur, since when, in which versions, and who is affected."""

from reports.charts import palette
from reports.charts.numbers import SHARE, count
from reports.charts.table import Column, Row, Table, Trend
from reports.figures.errors import Found, Group, errors
from reports.filters import Filters
from reports.pages import bots
from reports.pages.health import error_group
from reports.pages.health.error_sections import (
    ACTORS,
    ERRORS,
    NAMELESS,
    SESSIONS,
    chosen,
    figures,
    key_of,
    named,
    over_time,
    parts,
)
from reports.pages.links import unfilter_link
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Block, Empty, Figure, Report
from reports.pages.sections import compared_column
from reports.pages.words import about, during, of_period, plural, sampled, than
from reports.periods import Period
from reports.query.series import ended

GREW = 2  # this many times as many as before need attention
FEW = 10  # errors of which a growth says little


def build(filters: Filters, context: Context) -> Report:
    """Build the report of all groups, or of one."""
    group = chosen(context.first("error"))
    if group:
        return error_group.build(errors(filters, context.now, group, by="version"), group, filters, context)
    found = errors(filters, context.now)
    return Report(
        answer=_answer(found, filters, context),
        figures=(*figures(found, filters, "#groups"), _groups_in_number(found, filters)),
        attention=tuple(_attention(found, filters, context)),
        blocks=(
            over_time(found, filters, context, "code"),
            _groups(found, filters, context),
            parts("versions", "Version", found.versions, found, filters, context),
            parts("types", "Type", found.types, found, filters, context),
        ),
        note="Sunbird's ERROR, and Availity's messages of level error (label and category of the element)."
        " Without a session ID, the device counts as the session."
        f" {sampled(is_about=found.sums.is_about)}".rstrip(),
        empty=None if found.sums.errors else _empty(context),
    )


def _empty(context: Context) -> Empty:
    if context.links.params:
        return Empty(
            "No errors",
            "Nothing failed, or nothing matches the filters.",
            **unfilter_link(context.links),
        )
    return Empty("No errors", "Nothing failed in this period.")


def _answer(found: Found, filters: Filters, context: Context) -> str:
    """Return the summary sentence."""
    when = of_period(filters.period, context.now)
    if not found.sums.errors:
        return f"No errors {when}."
    said = f"{plural(found.sums.errors, 'error')} {when}"
    said += than(found.sums.errors, found.before.errors if found.before else None, context.compared)
    first = found.groups[0]
    if found.groups_of > 1:
        said += f"; {SHARE.short(first.errors / found.sums.errors)} are {named(first)}"
    sessions = about(plural(found.sums.sessions, "session"), is_about=found.sums.is_about)
    return f"{said}; {sessions} {'was' if found.sums.sessions == 1 else 'were'} affected."


def _groups_in_number(found: Found, filters: Filters) -> Figure:
    new = sum(group.is_new(filters.period) for group in found.groups)
    note = f"{new:,} never seen before" if new else "none of them new"
    return Figure("Different errors", found.groups_of, count("groups"), note=note, href="#groups")


def wanting(found: Found, period: Period) -> tuple[list[Group], list[Group]]:
    """Return the groups that need attention, worst first: new ones, and growing ones."""
    new = [group for group in found.groups if group.is_new(period)]
    grown = [
        group
        for group in found.groups
        if group not in new and group.before and group.errors >= max(FEW, GREW * group.before)
    ]
    return new, grown


def _attention(found: Found, filters: Filters, context: Context) -> list[Attention]:
    """Return alerts about new groups, then growing ones, worst first."""
    new, grown = wanting(found, filters.period)
    zone = filters.period.zone
    said = [
        Attention(
            f"{named(group)} is new: {plural(group.errors, 'error')} in"
            f" {plural(group.sessions, 'session')} since {group.first.astimezone(zone):%Y-%m-%d %H:%M}.",
            context.links.here(error=key_of(group)),
        )
        for group in new[:3]
    ]
    said += [
        Attention(
            f"{named(group)} grew: {plural(group.errors, 'error')},"
            f" after {group.before:,} {during(context.compared)}.",
            context.links.here(error=key_of(group)),
        )
        for group in grown[:3]
    ]
    return said


def _groups(found: Found, filters: Filters, context: Context) -> Block:
    hues = palette.of_names([name or NAMELESS for name, _ in found.lines])
    is_about = found.sums.is_about
    columns = (
        Column("code", "Code"),
        Column("type", "Type"),
        Column("errors", "Errors", ERRORS),
        *compared_column(ERRORS, filters, context),
        Column("trend", "Trend"),
        Column(
            "sessions",
            "Sessions",
            SESSIONS,
            is_estimate=is_about,
            note="Number of different sessions with this error",
        ),
        Column(
            "actors",
            "Actors",
            ACTORS,
            is_estimate=is_about,
            note="Number of different actors with this error",
        ),
        Column("first", "First seen", note="First occurrence ever, not only in this period"),
        Column("latest", "Last seen"),
    )
    rows = tuple(_group(group, hues.get(group.code or NAMELESS), filters, context) for group in found.groups)
    note = f"The {len(rows)} most frequent of {found.groups_of:,}." if found.groups_of > len(rows) else ""
    new = sum(group.is_new(filters.period) for group in found.groups)
    sentence = (
        f"{plural(found.groups_of, 'group')} of code and type, {new or 'none'} of them new in this period."
    )
    return Block("groups", "By code and type", sentence, table=Table(columns, rows), note=note)


def _group(group: Group, hue: int | None, filters: Filters, context: Context) -> Row:
    here = context.links.here(error=key_of(group))
    zone = filters.period.zone
    cells = [group.code or NAMELESS, group.type or NAMELESS, group.errors]
    if filters.compare:
        cells.append(group.before)
    is_bad = bool(group.before and group.errors >= max(FEW, GREW * group.before))
    return Row(
        (
            *cells,
            Trend(ended(group.trend, filters, context.now)),
            group.sessions,
            group.actors,
            group.first.astimezone(zone),
            group.latest.astimezone(zone),
        ),
        href=here,
        hrefs={"errors": f"{here}#samples", "sessions": f"{here}#samples"},
        hue=hue,
        tones={"first": "bad"} if group.is_new(filters.period) else {"errors": "bad"} if is_bad else {},
    )


PAGE = Page("errors", "Errors", "error", build, own=("error",), of_bots=bots.of_errors)
