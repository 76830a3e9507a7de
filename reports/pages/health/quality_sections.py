"""The charts and tables of data quality."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from events.kinds import KINDS
from events.sessions.session import warning_path
from reports.charts import palette
from reports.charts.bar_chart import Bar, BarChart
from reports.charts.numbers import SHARE, count, seconds
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Series, TimeChart, buckets_of, top_and_rest
from reports.figures.quality import OFF, ROWS, Quality, Sums
from reports.filters import Filters
from reports.pages.links import events, of_kind, rejected, session_page, within
from reports.pages.links import sessions as list_of_sessions
from reports.pages.page import Context
from reports.pages.report import Block, Empty
from reports.pages.sections import compared_column
from reports.pages.words import explain_versions, plural
from reports.rollups.declared.quality import SECONDS

EVENTS, WARNINGS = count("events"), count("warnings")
MUCH_REJECTED = 0.05  # a source's shares need attention from here on
MANY_OFF = 0.1
REST = "other codes"
NO_VERSION = "(no version)"
OF_STORED = "From events that were stored although a field wasn't as it should be."
NOT_COUNTED = Empty(
    "Not counted by version or country",
    "Rejected events and duplicates aren't decoded that far. Remove the filters by version and country.",
)


def over_time(found: Quality, filters: Filters, context: Context) -> Block:
    """Show rejected events over time, by code."""
    period = filters.period.by_utc_hours()
    named = top_and_rest(list(found.rejected.over_time.items()), REST) if found.rejected else []
    hues = palette.of_names([name for name, _ in named if name != REST]) | {REST: palette.REST}
    series = tuple(
        Series(name, values, hues[name], behind=None if name == REST else partial(_behind, filters, name))
        for name, values in named
    )
    sentence = ""
    if found.rejected and found.rejected.events:
        code, most = next(iter(found.rejected.by_code.items()))
        sentence = f"{code} is the reason for {SHARE.short(most / found.rejected.events)} of them."
    chart = TimeChart(
        f"Rejected events over time, by code. {sentence}",
        period,
        buckets_of(period, filters.granularity, context.now, context.links.days),
        series,
        EVENTS,
    )
    return Block("rejected", "Rejected over time, by code", sentence, chart, empty=_nothing_rejected(found))


def _behind(filters: Filters, code: str, since: datetime, until: datetime) -> str:
    """Return the address of the events rejected for a reason in a bucket."""
    return rejected(filters, code=code, **within(since, until))


def codes(found: Quality, filters: Filters) -> Block:
    """Show rejected events by code."""
    counts = found.rejected.by_code if found.rejected else {}
    columns = (
        Column("code", "Code"),
        Column("events", "Events", EVENTS, has_bar=True),
        Column("share", "Share", SHARE),
    )
    rows = tuple(
        Row((code, number, number / sum(counts.values())), href=rejected(filters, code=code))
        for code, number in counts.items()
    )
    return Block(
        "codes",
        "Rejected, by code",
        table=_by_hour(Table(columns, rows), ("events", "share"), filters),
        empty=_nothing_rejected(found),
        note="Events replayed since then aren't counted; discarded ones are.",
        is_half=True,
    )


def _nothing_rejected(found: Quality) -> Empty:
    if found.rejected is None:
        return NOT_COUNTED
    return Empty("Nothing was rejected", "Every received event could be stored.")


def sources(found: Quality, filters: Filters, context: Context) -> Block:
    """Show the data quality of each source."""
    columns = (
        Column("source", "Source"),
        Column("received", "Received", EVENTS),
        Column("rejected", "Rejected", EVENTS),
        Column("rejected_share", "Rejected share", SHARE),
        Column("duplicates", "Duplicates", EVENTS, note="Events that were there already"),
        Column("conflicting", "Conflicting", EVENTS, note="Same ID, different content"),
        Column("warnings", "Warnings", WARNINGS),
        Column("off", "Clock wrong", SHARE, note=f"By {seconds(OFF)} or more"),
    )
    hues = palette.of_sources(list(found.by_source))
    rows = tuple(
        _source(source, sums, filters, context, hues[source]) for source, sums in found.by_source.items()
    )
    counted = [column.name for column in columns[1:-1]]
    return Block("sources", "By source", table=_by_hour(Table(columns, rows), counted, filters))


def _by_hour(table: Table, counted: Sequence[str], filters: Filters) -> Table:
    """Return the table, noting that the `counted` columns are by whole UTC hours, if that matters."""
    return table.in_utc_hours(counted) if filters.period.is_off_utc_hours else table


def _source(source: int, sums: Sums, filters: Filters, context: Context, hue: int) -> Row:
    tones = {
        "rejected_share": "bad" if (sums.rejected_share or 0) > MUCH_REJECTED else "",
        "conflicting": "bad" if sums.conflicting else "",
        "off": "bad" if (sums.off_share or 0) > MANY_OFF else "",
    }
    return Row(
        (
            name_of(source, context),
            sums.received,
            sums.rejected,
            sums.rejected_share,
            sums.duplicates,
            sums.conflicting,
            sums.warnings,
            sums.off_share,
        ),
        href=context.links.here(source=source),
        hrefs={
            "received": events(filters, source=source),
            "rejected": rejected(filters, source=source),
        },
        hue=hue,
        tones={name: tone for name, tone in tones.items() if tone},
    )


def name_of(source: int, context: Context) -> str:
    """Return the name of a source for people."""
    return context.sources.get(source, f"source {source}")


def versions(found: Quality, filters: Filters, context: Context) -> Block:
    """Show warnings by source and version."""
    columns = [
        Column("source", "Source"),
        Column("version", "Version"),
        Column("warnings", "Warnings", WARNINGS, has_bar=True),
        Column("fields", "Fields", count("fields")),
        *compared_column(WARNINGS, filters, context),
    ]
    rows = []
    for each in found.by_version:
        cells = (name_of(each.source, context), each.version or NO_VERSION, each.warnings, each.fields)
        href = context.links.here(source=each.source, version=each.version or None)
        rows.append(Row((*cells, each.before) if filters.compare else cells, href))
    return Block(
        "warnings",
        "Warnings, by source and version",
        table=_by_hour(Table(tuple(columns), tuple(rows)), ("warnings", "fields", "before"), filters),
        empty=_no_warnings(filters),
        note=f"{OF_STORED} {explain_versions(each.version for each in found.by_version)}".strip(),
    )


def fields(found: Quality, filters: Filters, context: Context) -> Block:
    """Show the fields with warnings."""
    columns = (
        Column("field", "Field"),
        Column("fault", "What is wrong", is_prose=True),
        Column("warnings", "Warnings", WARNINGS),
        Column("example", "Example"),
        Column("change", "What to change", is_prose=True),
        Column("kind", "Kind"),
        Column("source", "Source"),
        Column("version", "Version"),
    )
    rows = tuple(
        Row(
            (
                each.path or "(the event)",
                fault_of(each.code),
                each.warnings,
                each.example,
                advice(each.kind, each.path, each.code),
                each.kind,
                name_of(each.source, context),
                each.version or NO_VERSION,
            ),
            href=of_kind(each.kind, filters, source=each.source, version=each.version),
        )
        for each in found.fields
    )
    sentence = ""
    if found.fields:
        first = found.fields[0]
        sentence = f"Most often {first.path or 'the event'} of {first.kind} {fault_of(first.code)}."
    return Block(
        "fields",
        "Warnings, by field",
        sentence,
        table=_by_hour(Table(columns, rows), ("warnings",), filters),
        empty=_no_warnings(filters),
        note=f"The {len(rows)} most frequent." if len(rows) == ROWS else "",
    )


def sessions(found: Quality, filters: Filters, context: Context) -> Block:
    """Show sessions with warnings about the whole session."""
    columns = (
        Column("field", "Field"),
        Column("fault", "What is wrong", is_prose=True),
        Column("sessions", "Sessions", count("sessions")),
        Column("example", "Example", is_id=True),
        Column("change", "What to change", is_prose=True),
        Column("source", "Source"),
        Column("version", "Version"),
    )
    rows = tuple(
        Row(
            (
                warning_path(each.dialect, each.code),
                fault_of(each.code),
                each.sessions,
                str(each.example),
                advice("", "", each.code),
                name_of(each.source, context),
                each.version or NO_VERSION,
            ),
            href=list_of_sessions(filters, source=each.source, version=each.version, warning=each.code),
            hrefs={"example": session_page(each.example)},
        )
        for each in found.sessions
    )
    return Block(
        "session-warnings",
        "Warnings, by session",
        table=Table(columns, rows),
        empty=Empty("No warnings", "Every session has one actor, and no ID was used twice within a session."),
        note="A session has at most one warning of each sort, however many events it has. Anonymous actors"
        " don't count.",
    )


def _no_warnings(filters: Filters) -> Empty:
    if filters.countries:
        return Empty("Not counted by country", "Remove the filter by country to see warnings.")
    if filters.bots.narrows:
        return Empty("Not counted by bots and people", "Remove the filter by bots to see warnings.")
    return Empty("No warnings", "Every received field was as it should be.")


def clocks(found: Quality) -> Block:
    """Show how wrong the senders' clocks were."""
    bars = tuple(
        _bar(name, found.skews.get(place, 0), is_off=is_off) for place, (name, is_off) in enumerate(RANGES)
    )
    sentence = ""
    if found.sums.timed:
        sentence = (
            f"{SHARE.short(found.sums.off_share or 0)} of {plural(found.sums.timed, 'event')}"
            f" came from a clock that was wrong by {seconds(OFF)} or more."
        )
    chart = BarChart(f"How far senders' clocks were off. {sentence}", bars, EVENTS, "Clock of the sender")
    return Block(
        "clocks",
        "Clocks of senders",
        sentence,
        chart,
        empty=Empty(
            "No event says when it was sent",
            "V3 batches have the time of sending in ets; other formats have no such field.",
        ),
        note="Plus: ahead of Tally's clock. Includes the time on the way.",
        is_half=True,
    )


def _bar(name: str, events: int, *, is_off: bool) -> Bar:
    return Bar(name, events, int(is_off), "wrong" if is_off and events else "")


def _ranges() -> list[tuple[str, bool]]:
    """Return the ranges of skew in words, and if each means a wrong clock."""
    found = []
    for below, above in zip((None, *SECONDS), (*SECONDS, None), strict=True):
        if below is None:
            name = f"below -{seconds(-SECONDS[0])}"
        elif above is None:
            name = f"from +{seconds(SECONDS[-1])}"
        elif below < 0 < above:
            name = f"±{seconds(above)}"
        elif above <= 0:
            name = f"-{seconds(-below)} to -{seconds(-above)}"
        else:
            name = f"+{seconds(below)} to +{seconds(above)}"
        found.append((name, (above is not None and above <= -OFF) or (below is not None and below >= OFF)))
    return found


RANGES = _ranges()


def unknown(found: Quality, filters: Filters) -> Block:
    """Show keys without a column."""
    columns = (
        Column("key", "Key"),
        Column("kind", "Kind"),
        Column("events", "Events", EVENTS, has_bar=True),
        Column("share", "Of the kind", SHARE, note="Share of the events of the kind that have it"),
    )
    rows = tuple(
        Row(
            (each.path, each.kind, each.events, each.share),
            hrefs={"kind": of_kind(each.kind, filters)},
        )
        for each in found.unknown
    )
    more = f"The first {len(rows)} of {found.unknown_of:,}. " if found.unknown_of > len(rows) else ""
    return Block(
        "unknown",
        "Unknown keys",
        f"{plural(found.unknown_of, 'key')} without a column." if rows else "",
        table=Table(columns, rows),
        empty=Empty("No unknown keys", "Every received key has a column."),
        note=f"{more}Nothing is lost: events keep these keys and are returned with them.",
    )


class Meaning(NamedTuple):
    """A code of warnings in words."""

    fault: str  # continues a sentence that begins with the field
    advice: str  # `{expected}` is replaced by the field's check


MEANINGS = {
    "missing": Meaning("is missing", "Send it."),
    "wrong_type": Meaning("has the wrong type", "Send the type in the reference of the format."),
    "differs": Meaning("differs from the value of the API key", "Leave out the field, or use the right key."),
    "over_quota": Meaning("exceeded the quota", "Raise the owner's quota, or send less."),
    "not_parsed": Meaning(
        "was kept unparsed: its request had too many different user agents",
        "Send fewer users' events in a request.",
    ),
    "out_of_range": Meaning("has a value outside its range", "Send {expected}."),
    "unit": Meaning("is in another unit", "Send {expected}."),
    "placeholder_session": Meaning(
        "doesn't identify a session, so it is ignored",
        "Set the session ID before the first event is sent, or leave out the field.",
    ),
    "placeholder_device": Meaning(
        "doesn't identify a device, so it is ignored",
        "Generate an ID at the first start and store it, or leave out the field.",
    ),
    "placeholder_actor": Meaning(
        "doesn't identify an actor, so it is ignored",
        "Send the user's ID once it is known, and anonymous before.",
    ),
    "several_actors": Meaning(
        "changes within a session", "Start a new session when somebody else logs in, and on every device."
    ),
    "reused_id": Meaning(
        "is used again at another time, so both events are stored",
        "Generate a new ID for each event. Keep both ID and time when you retry.",
    ),
}
_IN_RANGE = "a value that the reference of the format allows"


def fault_of(code: str) -> str:
    """Return the problem of a field, as the rest of a sentence that begins with the field."""
    return MEANINGS[code].fault if code in MEANINGS else code


def advice(kind: str, path: str, code: str) -> str:
    """Return what to change in the sender."""
    return MEANINGS[code].advice.format(expected=_expected(kind, path)) if code in MEANINGS else ""


def _expected(kind: str, path: str) -> str:
    """Return the expected value of a field, in the words of its check."""
    entry = KINDS.get(kind)
    if entry is None:
        return _IN_RANGE
    if path in entry.model.expected:
        return entry.model.expected[path]
    checks = (leaf.check for leaf in entry.schema.leaves if leaf.dotted == path)
    return next((check.expected for check in checks if check), _IN_RANGE)
