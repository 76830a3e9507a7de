"""Errors: which ones, since when, in which versions, and who was affected.

A group is a code and a type. Sunbird's ERROR has both; Availity's messages of level error are grouped by the
label of the element and the category of the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from reports.filters import Filters
from reports.periods import Period
from reports.query import reading
from reports.query.distinct import NOBODY, By, distinct_by, distinct_by_each, distinct_series
from reports.query.reading import grid
from reports.query.series import Counts, counts, filled
from reports.rollups.models import Errors, ErrorsAffected, Sessions

Where = Mapping[str, str]

GROUPS = 100  # in the table
LINES = 7  # lines in the chart, including all others as one
LISTED = 50  # versions and types
EVER = date(2000, 1, 1)  # before there was telemetry
# Members of buckets that are read of all errors together, and of each row of a table: few have the same error
# twice, so counts of samples of so few are within 3 % (docs/reference/rollups.md).
OF_ALL, OF_ROW = 8_192, 4_096


@dataclass(frozen=True, slots=True)
class Sums:
    """The errors of a period."""

    errors: int
    sessions: int  # sessions with an error
    actors: int  # affected actors
    of_sessions: int  # all sessions of the period
    is_about: bool = False  # True if those affected are very many and estimated from a sample


@dataclass(frozen=True, slots=True)
class Group:
    """The errors with one code and type."""

    code: str
    type: str
    errors: int
    before: int | None
    first: datetime  # over all stored data, not only the period
    latest: datetime
    sessions: int
    actors: int
    trend: Counts
    kinds: tuple[str, ...] = ()  # of event: error, ui_action, or both

    def is_new(self, period: Period) -> bool:
        """True if it wasn't seen before the period."""
        return self.first >= period.since


@dataclass(frozen=True, slots=True)
class Part:
    """The errors of a type or a version."""

    name: str
    errors: int
    before: int | None
    first: datetime  # in the period
    latest: datetime
    sessions: int
    actors: int


@dataclass(frozen=True, slots=True)
class Found:
    """All figures of the page."""

    sums: Sums
    before: Sums | None
    errors: Counts
    errors_before: Counts | None
    affected: Counts  # sessions
    lines: tuple[tuple[str, Counts], ...]  # by code, the greatest first; '' has none
    rest: Counts | None  # all other codes
    groups: tuple[Group, ...]
    groups_of: int
    types: tuple[Part, ...]
    versions: tuple[Part, ...]


def errors(filters: Filters, now: datetime, where: Where | None = None, by: str = "code") -> Found:
    """Return the figures of a period. `where` filters by one group; `by` splits the chart."""
    where = where or {}
    compared = filters.compared
    series = reading.series(Errors, filters, ["events"], by=by, most=LINES, where=where)
    lines = [(None if line.is_rest else line.key, counts(line, "events", filters, now)) for line in series]
    groups, groups_of = _groups(filters, compared, now, where)
    in_time = distinct_series(ErrorsAffected, filters, {**where, "what": "session"})
    bounds = {("what",): OF_ALL, ("what", "type"): OF_ROW, ("what", "version"): OF_ROW}
    affected = distinct_by_each(ErrorsAffected, filters, bounds, where)
    counted = chain(in_time.values(), *(by.values() for by in affected.values()))
    return Found(
        sums=_sums(filters, where, affected[("what",)], is_about=any(each.is_about for each in counted)),
        before=_before(compared, where) if compared else None,
        errors=_all(filters, now, where),
        errors_before=_all(compared, now, where) if compared else None,
        affected=filled({at: each.members for at, each in in_time.items()}, filters, now),
        lines=tuple((key, counts) for key, counts in lines if key is not None),
        rest=next((counts for key, counts in lines if key is None), None),
        groups=groups,
        groups_of=groups_of,
        types=_parts(filters, compared, "type", where, affected["what", "type"]),
        versions=_parts(filters, compared, "version", where, affected["what", "version"]),
    )


def _before(compared: Filters, where: Where) -> Sums:
    affected = distinct_by(ErrorsAffected, compared, ("what",), where, OF_ALL)
    return _sums(compared, where, affected, is_about=any(each.is_about for each in affected.values()))


def _sums(filters: Filters, where: Where, affected: By, *, is_about: bool) -> Sums:
    return Sums(
        reading.totals(Errors, filters, ["events"], where)["events"],
        affected.get(("session",), NOBODY).members,
        affected.get(("actor",), NOBODY).members,
        reading.totals(Sessions, filters, ["sessions"])["sessions"],
        is_about=is_about,
    )


def _all(filters: Filters, now: datetime, where: Where) -> Counts:
    (line,) = reading.series(Errors, filters, ["events"], where=where)
    return counts(line, "events", filters, now)


def _groups(
    filters: Filters, compared: Filters | None, now: datetime, where: Where
) -> tuple[tuple[Group, ...], int]:
    """Return the groups with the most errors."""
    keys = ["code", "type"]
    found = reading.top(Errors, filters, keys, ["events", "latest"], limit=GROUPS, where=where)
    same = {name: sorted({row.keys[place] for row in found.rows}) for place, name in enumerate(keys)}
    ever = filters.over(Period(EVER, filters.period.end, filters.period.zone))
    firsts = {row.keys: row.measures["first"] for row in _rows(ever, keys, ["first"], same)}
    earlier = {row.keys: row.measures["events"] for row in _rows(compared, keys, ["events"], same)}
    affected = distinct_by(ErrorsAffected, filters, ("what", *keys), same, OF_ROW)
    kinds: dict[tuple[str, ...], list[str]] = {}
    for row in _rows(filters, ["code", "type", "kind"], ["events"], same):
        kinds.setdefault(row.keys[:2], []).append(row.keys[2])
    trends = grid(Errors, filters, keys, "events", same)
    made = tuple(
        Group(
            code=row.keys[0],
            type=row.keys[1],
            errors=row.measures["events"],
            before=earlier.get(row.keys, 0) if compared else None,
            # Events erased or re-aggregated between the two statements are only in the first.
            first=firsts[row.keys] if row.keys in firsts else row.measures["latest"],
            latest=row.measures["latest"],
            sessions=affected.get(("session", *row.keys), NOBODY).members,
            actors=affected.get(("actor", *row.keys), NOBODY).members,
            trend=filled(trends.get(row.keys, {}), filters, now),
            kinds=tuple(kinds.get(row.keys, ())),
        )
        for row in found.rows
    )
    return made, found.of


def _rows(
    filters: Filters | None, keys: Sequence[str], measures: Sequence[str], same: Mapping[str, Sequence[str]]
) -> tuple[reading.Row, ...]:
    """Return the rows of all groups with these codes and types, at most all pairs of them in each kind."""
    if filters is None:
        return ()
    most = max(2 * len(same["code"]) * len(same["type"]), 1)
    return reading.top(Errors, filters, keys, measures, order=keys[0], limit=most, where=same).rows


def _parts(
    filters: Filters, compared: Filters | None, key: str, where: Where, affected: By
) -> tuple[Part, ...]:
    found = reading.top(Errors, filters, [key], ["events", "first", "latest"], limit=LISTED, where=where)
    earlier: dict[str, int] = {}
    if compared:
        rows = reading.top(Errors, compared, [key], ["events"], limit=10 * LISTED, where=where).rows
        earlier = {row.keys[0]: row.measures["events"] for row in rows}
    return tuple(
        Part(
            name := row.keys[0],
            errors=row.measures["events"],
            before=earlier.get(name, 0) if compared else None,
            first=row.measures["first"],
            latest=row.measures["latest"],
            sessions=affected.get(("session", name), NOBODY).members,
            actors=affected.get(("actor", name), NOBODY).members,
        )
        for row in found.rows
    )
