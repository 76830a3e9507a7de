"""Sections that the errors page and the page of one group share."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from reports.charts import palette
from reports.charts.numbers import SHARE, change, count
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Series, TimeChart, buckets_of
from reports.figures.errors import Found, Group, Part
from reports.filters import Filters
from reports.pages.links import of_kind, within
from reports.pages.page import Context
from reports.pages.report import Block, Figure
from reports.pages.sections import compared_column, compared_series
from reports.pages.words import explain_versions

ERRORS, SESSIONS, ACTORS = count("errors"), count("sessions"), count("actors")
NAMELESS = "(none)"
REST = "others"


def named(group: Group) -> str:
    """Return the name of a group for people."""
    return f"{group.code or NAMELESS} ({group.type or NAMELESS})"


def key_of(group: Group) -> str:
    """Return the key of a group in a URL: type and code, separated by a colon."""
    return f"{group.type.replace('%', '%25').replace(':', '%3A')}:{group.code}"


def chosen(text: str) -> dict[str, str]:
    """Return the code and type selected in the URL; empty without one."""
    type_, colon, code = text.partition(":")
    return {"code": code, "type": type_.replace("%3A", ":").replace("%25", "%")} if colon else {}


def figures(found: Found, filters: Filters, listed: str) -> list[Figure]:
    """Return figures of errors, sessions and actors. `listed` is the section with the affected sessions."""
    sums, before = found.sums, found.before
    share = sums.sessions / sums.of_sessions if sums.of_sessions else None
    return [
        Figure(
            "Errors",
            sums.errors,
            ERRORS,
            change(sums.errors, before.errors, more_is="bad") if before else None,
            spark=found.errors,
            href=behind(found, filters) or listed,
        ),
        Figure(
            "Sessions affected",
            sums.sessions,
            SESSIONS,
            change(sums.sessions, before.sessions, more_is="bad") if before else None,
            spark=found.affected,
            note=f"{SHARE.short(min(share, 1))} of all" if share is not None else "",
            href=listed,
            is_about=sums.is_about,
        ),
        Figure(
            "Actors affected",
            sums.actors,
            ACTORS,
            change(sums.actors, before.actors, more_is="bad") if before else None,
            href=listed,
            is_about=sums.is_about,
        ),
    ]


def over_time(found: Found, filters: Filters, context: Context, by: str) -> Block:
    """Show errors by bucket, by code or version."""
    names = [name or NAMELESS for name, _ in found.lines]
    hues = palette.of_names(names)
    series = [
        Series(
            name,
            values,
            hues[name],
            ("version", name) if by == "version" and name != NAMELESS else None,
            behind=partial(_in_time, found, filters, {by: value}),
        )
        for name, (value, values) in zip(names, found.lines, strict=True)
    ]
    if found.rest is not None:
        series.append(Series(REST, found.rest, palette.REST))
    series += compared_series(context.compared, found.errors_before, len(found.errors))
    sentence = ""
    if names and found.sums.errors:
        part = sum(value or 0 for value in found.lines[0][1]) / found.sums.errors
        of = "version " if by == "version" else ""
        sentence = f"{SHARE.short(part)} are of {of}{names[0]}."
    buckets = buckets_of(filters.period, filters.granularity, context.now, context.links.days)
    chart = TimeChart(
        f"Errors over time, by {by}. {sentence}", filters.period, buckets, tuple(series), ERRORS
    )
    note = explain_versions(names) if by == "version" else ""
    return Block("over-time", f"Errors over time, by {by}", sentence, chart, note=note)


def parts(
    name: str, heading: str, of: tuple[Part, ...], found: Found, filters: Filters, context: Context
) -> Block:
    """Show errors by version or type."""
    columns = (
        Column(heading.lower(), heading),
        Column("errors", "Errors", ERRORS, has_bar=True),
        *compared_column(ERRORS, filters, context),
        Column("sessions", "Sessions", SESSIONS, is_estimate=found.sums.is_about),
        Column("actors", "Actors", ACTORS, is_estimate=found.sums.is_about),
        Column("first", "First"),
        Column("latest", "Last"),
    )
    zone = filters.period.zone
    rows = tuple(
        Row(
            (
                part.name or NAMELESS,
                part.errors,
                *([part.before] if filters.compare else []),
                part.sessions,
                part.actors,
                part.first.astimezone(zone),
                part.latest.astimezone(zone),
            ),
            href=context.links.here(version=part.name) if name == "versions" and part.name else "",
            hrefs={"errors": behind(found, filters, {heading.lower(): part.name})},
        )
        for part in of
    )
    note = explain_versions(part.name for part in of) if name == "versions" else ""
    return Block(name, f"By {heading.lower()}", table=Table(columns, rows), note=note)


# The filters for code and type in the lists of each kind, and what makes an event an error.
LISTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "error": ({"code": "err", "type": "errtype"}, {}),
    "ui_action": ({"code": "label", "type": "category"}, {"severity": "error"}),
}


def behind(found: Found, filters: Filters, of: Mapping[str, str] = {}, **narrower: str) -> str:
    """Return the address of the errors of a code, type or version; empty if they have two kinds or no name.

    If the page is about one group, only its errors are listed.
    """
    group = {"code": found.groups[0].code, "type": found.groups[0].type} if len(found.groups) == 1 else {}
    wanted = {**group, **of}
    kinds = {
        kind
        for each in found.groups
        for kind in each.kinds
        if wanted.get("code", each.code) == each.code and wanted.get("type", each.type) == each.type
    }
    if len(kinds) != 1 or "" in wanted.values():
        return ""
    (kind,) = kinds
    names, always = LISTS[kind]
    asked = {names.get(name, name): value for name, value in wanted.items()}
    return of_kind(kind, filters, **(asked | always | narrower))


def _in_time(found: Found, filters: Filters, of: Mapping[str, str], since: datetime, until: datetime) -> str:
    return behind(found, filters, of, **within(since, until))
