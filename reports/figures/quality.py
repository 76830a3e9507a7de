"""Data quality: rejections, warnings, duplicates, wrong clocks, and keys without a column.

Rejected events by their codes, duplicates and warnings from the counters of usage, by time of receipt; clocks
and unknown keys from rollups, by time of occurrence.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast

from events.sessions.session import WARNED, Session
from events.store.usage import UsageHour, WarningHour
from events.store.versions import has_version
from reports.figures.receipt import Rejected, of_receipt, rejected
from reports.filters import Filters
from reports.query import reading
from reports.query.series import ratio
from reports.rollups.declared.quality import SECONDS
from reports.rollups.models import Events, Skews, UnknownKeys

Skewed = dict[tuple[int, int], int]  # events by source and clock skew
ROWS = 200
SKEWS = 10_000  # pairs of source and bin
OFF = 300  # seconds that a clock may be wrong
# Number of edges that a skew reaches if its clock is wrong by OFF or more: behind, and ahead.
_BEHIND, _AHEAD = SECONDS.index(-OFF), SECONDS.index(OFF) + 1


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts of good and bad data in a period. None if the counters can't apply the filters."""

    received: int | None
    rejected: int | None
    duplicates: int | None
    conflicting: int | None  # of the duplicates, those that differ from what was there
    warnings: int | None
    timed: int  # events that say when they were sent
    off: int  # of those, from clocks that are wrong by OFF or more

    @property
    def rejected_share(self) -> float | None:
        """Return the share of received events that were rejected."""
        return ratio(self.rejected, self.received)

    @property
    def duplicate_share(self) -> float | None:
        """Return the share of received events that were duplicates."""
        return ratio(self.duplicates, self.received)

    @property
    def off_share(self) -> float | None:
        """Return the share of events with a send time that came from a wrong clock."""
        return ratio(self.off, self.timed)


@dataclass(frozen=True, slots=True)
class OfVersion:
    """Warnings of a version of a source."""

    source: int
    version: str
    warnings: int
    fields: int  # fields with warnings
    before: int | None


@dataclass(frozen=True, slots=True)
class Field:
    """A field that caused warnings."""

    path: str
    code: str
    kind: str
    source: int
    version: str
    warnings: int
    example: str  # an example value; empty without one


@dataclass(frozen=True, slots=True)
class OfSessions:
    """Sessions of a version of a source with warnings about the whole session."""

    code: str  # several_actors or reused_id
    dialect: str
    source: int
    version: str
    sessions: int
    example: UUID


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key without a column."""

    path: str
    kind: str
    events: int
    share: float | None  # of the events of the kind


@dataclass(frozen=True, slots=True)
class Quality:
    """All figures of the page."""

    sums: Sums
    before: Sums | None
    rejected: Rejected | None
    by_source: dict[int, Sums]  # those that most was received of first
    by_version: tuple[OfVersion, ...]  # by warnings
    fields: tuple[Field, ...]  # by warnings
    sessions: tuple[OfSessions, ...]  # by their number
    skews: dict[int, int]  # events by bin
    unknown: tuple[UnknownKey, ...]  # by events
    unknown_of: int

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to report."""
        sums = self.sums
        counted = sums.received or sums.rejected or sums.warnings or sums.timed
        return not (counted or self.sessions or self.unknown)


def quality(filters: Filters, now: datetime) -> Quality:
    """Return the figures of a period and of the compared one, in at most 15 statements."""
    compared = filters.compared
    refused, skews = rejected(filters, now), _skews(filters)
    by_source = _by_source(filters, refused, skews)
    bins: Counter[int] = Counter()
    for (_, place), events in skews.items():
        bins[place] += events
    unknown, unknown_of = _unknown(filters)
    return Quality(
        sums=_sum(filters, by_source),
        before=sums(compared, now) if compared else None,
        rejected=refused,
        by_source=by_source,
        by_version=_by_version(filters, compared),
        fields=_fields(filters),
        sessions=_sessions(filters),
        skews=dict(bins),
        unknown=unknown,
        unknown_of=unknown_of,
    )


def sums(filters: Filters, now: datetime) -> Sums:
    """Return the data quality of a period, in four statements."""
    return _sum(filters, _by_source(filters, rejected(filters, now), _skews(filters)))


def _by_source(filters: Filters, refused: Rejected | None, skews: Skewed) -> dict[int, Sums]:
    """Return the totals of each source, in two statements."""
    usage, warned = _usage(filters), _warned(filters)
    timed: Counter[int] = Counter()
    off: Counter[int] = Counter()
    for (source, place), events in skews.items():
        timed[source] += events
        off[source] += events if place <= _BEHIND or place >= _AHEAD else 0
    sources = {*(usage or ()), *(warned or ()), *timed, *(refused.by_source if refused else ())}
    nothing: dict[str, int | None] = dict.fromkeys(_USAGE, 0 if usage is not None else None)
    made = {
        source: Sums(
            **(usage or {}).get(source, nothing),
            rejected=refused.by_source.get(source, 0) if refused else None,
            warnings=None if warned is None else warned.get(source, 0),
            timed=timed[source],
            off=off[source],
        )
        for source in sources
    }
    return dict(sorted(made.items(), key=lambda each: (-(each[1].received or each[1].timed), each[0])))


_USAGE = ("received", "duplicates", "conflicting")


def _sum(filters: Filters, by_source: dict[int, Sums]) -> Sums:
    """Return the total over all sources."""

    def total(name: str) -> Any:
        values = [getattr(each, name) for each in by_source.values()]
        return None if None in values else sum(values)

    if by_source:
        return Sums(**{name: total(name) for name in Sums.__slots__})
    counted = None if filters.is_beyond_usage else 0
    return Sums(counted, counted, counted, counted, None if filters.is_beyond_warnings else 0, 0, 0)


def _usage(filters: Filters) -> dict[int, dict[str, int | None]] | None:
    """Return usage by source; None if the counters can't apply the filters."""
    if filters.is_beyond_usage:
        return None
    rows = of_receipt(UsageHour.objects.all(), filters).values_list("source_id")
    found = rows.annotate(*(Sum(name) for name in _USAGE)).order_by()
    return {source: dict(zip(_USAGE, sums, strict=True)) for source, *sums in found}


def _warned(filters: Filters) -> dict[int, int] | None:
    """Return warnings by source; None if the counters can't apply the filters."""
    if filters.is_beyond_warnings:
        return None
    rows = _warnings(filters).values("source_id").annotate(sum=Sum("count")).order_by()
    return {row["source_id"]: row["sum"] for row in rows}


def _by_version(filters: Filters, compared: Filters | None) -> tuple[OfVersion, ...]:
    if filters.is_beyond_warnings:
        return ()
    keys = ("source_id", "version")
    before: dict[tuple[int, str], int] = {}
    if compared:
        rows = _warnings(compared).values(*keys).annotate(sum=Sum("count")).order_by()
        before = {(row["source_id"], row["version"]): row["sum"] for row in rows}
    found = (
        _warnings(filters)
        .values(*keys)
        .annotate(sum=Sum("count"), fields=Count("path", distinct=True))
        .order_by("-sum", *keys)[:ROWS]
    )
    return tuple(
        OfVersion(
            row["source_id"],
            row["version"],
            row["sum"],
            row["fields"],
            before.get((row["source_id"], row["version"]), 0) if compared else None,
        )
        for row in found
    )


def _fields(filters: Filters) -> tuple[Field, ...]:
    if filters.is_beyond_warnings:
        return ()
    keys = ("path", "code", "kind", "source_id", "version")
    # The largest example. It may not be the latest, but it isn't empty.
    rows = (
        _warnings(filters)
        .values(*keys)
        .annotate(sum=Sum("count"), shown=Max("example"))
        .order_by("-sum", *keys)[:ROWS]
    )
    return tuple(
        Field(
            row["path"], row["code"], row["kind"], row["source_id"], row["version"], row["sum"], row["shown"]
        )
        for row in rows
    )


def _sessions(filters: Filters) -> tuple[OfSessions, ...]:
    """Return sessions with warnings that began in the period. Sessions have no kind."""
    if filters.kinds:
        return ()
    keys = ("dialect", "source_id", "version")
    rows = Session.objects.filter(
        WARNED, started_at__gte=filters.period.since, started_at__lt=filters.period.until
    )
    for name, values in (
        ("owner_id", filters.owners),
        ("source_id", filters.sources or None),
        ("country", filters.countries or None),
    ):
        if values is not None:
            rows = rows.filter(**{f"{name}__in": values})
    if filters.versions:
        rows = rows.filter(has_version(filters.versions))
    is_bot = filters.bots.wanted(of_people=False)
    if is_bot is not None:
        rows = rows.filter(is_bot=is_bot)
    conditions = {"several_actors": Q(actors__gt=1), "reused_id": Q(reused_ids__gt=0)}
    counts = {f"{code}_count": Count("pk", filter=which) for code, which in conditions.items()}
    shown = {
        f"{code}_shown": Max(Cast("pk", TextField()), filter=which) for code, which in conditions.items()
    }
    found = [
        OfSessions(
            code,
            row["dialect"],
            row["source_id"],
            row["version"] or "",
            row[f"{code}_count"],
            UUID(row[f"{code}_shown"]),
        )
        for row in rows.values(*keys).annotate(**counts, **shown).order_by()
        for code in conditions
        if row[f"{code}_count"]
    ]
    found.sort(key=lambda each: (-each.sessions, each.code, each.source, each.version))
    return tuple(found[:ROWS])


def _warnings(filters: Filters) -> QuerySet[WarningHour]:
    rows = of_receipt(WarningHour.objects.all(), filters)
    return rows.filter(version__in=filters.versions) if filters.versions else rows


def _skews(filters: Filters) -> Skewed:
    found = reading.top(Skews, filters, ["source", "bin"], ["events"], limit=SKEWS)
    return {(row.keys[0], row.keys[1]): row.measures["events"] for row in found.rows}


def _unknown(filters: Filters) -> tuple[tuple[UnknownKey, ...], int]:
    found = reading.top(UnknownKeys, filters, ["path", "kind"], ["events"], limit=ROWS)
    kinds: defaultdict[str, int] = defaultdict(int)
    if found.rows:
        for row in reading.top(Events, filters, ["kind"], ["events"], limit=ROWS).rows:
            kinds[row.keys[0]] = row.measures["events"]
    keys = []
    for row in found.rows:
        path, kind = row.keys
        events = row.measures["events"]
        keys.append(UnknownKey(path, kind, events, ratio(events, kinds[kind])))
    return tuple(keys), found.of
