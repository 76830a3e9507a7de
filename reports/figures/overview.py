"""Overview: activity in a period, and if anything went wrong.

Read from rollups. Received and rejected events come from usage counters.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from events.store.silent import SilentSource
from events.store.usage import UsageHour
from reports.cost.analysis import totals as charges
from reports.cost.analysis.forecasts import forecast
from reports.figures.receipt import of_receipt, silent
from reports.filters import Filters
from reports.periods import month_of
from reports.query import reading
from reports.query.datasets import ALL_EVENTS, PAGE_VIEWS, VISITS
from reports.query.planner import answer
from reports.query.query import Query
from reports.query.reading import grid
from reports.query.series import Counts, counts, filled, ratio, summed
from reports.rollups.models import Events, Sessions

KINDS = 7  # shown with their own line
SOURCES = 50
PAGES = 10


@dataclass(frozen=True, slots=True)
class Sums:
    """The figures of a period."""

    events: int
    sessions: int
    with_errors: int  # sessions
    actors: int
    devices: int
    median: float | None  # time spent in a session, seconds
    longest_tenth: float | None  # nine of ten sessions are shorter, seconds
    received: int | None  # by hour of receipt; None where that isn't counted by what is asked
    rejected: int | None
    is_about: bool = False  # True if actors and devices are very many and estimated from a sample

    @property
    def error_share(self) -> float | None:
        """Return the share of sessions with errors."""
        return ratio(self.with_errors, self.sessions)

    @property
    def rejected_share(self) -> float | None:
        """Return the share of received events that were rejected."""
        return ratio(self.rejected or 0, self.received)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A source or a page, and its count."""

    key: int | str
    count: int
    before: int | None


@dataclass(frozen=True, slots=True)
class Cost:
    """The owners' cost in the current month (UTC). Other filters don't apply."""

    so_far: Decimal
    expected: Decimal | None  # at its end
    currency: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All figures of the page."""

    sums: Sums
    before: Sums | None
    by_kind: tuple[tuple[str | None, Counts], ...]  # the largest first; None: all others
    events: Counts  # of all kinds
    events_before: Counts | None  # by the place of the bucket
    sessions: Counts
    with_errors: Counts
    sources: tuple[Ranked, ...]  # by events
    sources_in_all: int
    silent: tuple[SilentSource, ...]  # now
    pages: tuple[Ranked, ...]  # by views
    cost: Cost | None


def overview(filters: Filters, now: datetime) -> Overview:
    """Return the figures of a period and of the compared one."""
    compared = filters.compared
    (sessions,) = reading.series(Sessions, filters, ["sessions", "with_errors"])
    sources, earlier = _of_sources(filters), _of_sources(compared)
    pages = answer(Query(PAGE_VIEWS, ("views",), filters, ("page",), limit=PAGES))
    by_kind = _by_kind(filters, now)
    return Overview(
        sums=_sums(filters, sum(sources.values())),
        before=_sums(compared, sum(earlier.values())) if compared else None,
        by_kind=by_kind,
        events=summed([filled({}, filters, now), *(values for _, values in by_kind)]),
        events_before=_before(compared, now) if compared else None,
        sessions=counts(sessions, "sessions", filters, now),
        with_errors=counts(sessions, "with_errors", filters, now),
        sources=tuple(
            Ranked(source, events, earlier.get(source, 0) if compared else None)
            for source, events in list(sources.items())[:SOURCES]
        ),
        sources_in_all=len(sources),
        silent=silent(filters, now),
        pages=tuple(
            Ranked(row.keys[0], row.count("views"), None if row.before is None else int(row.before["views"]))
            for row in pages.rows
        ),
        cost=_cost(filters.owners, now),
    )


def _by_kind(filters: Filters, now: datetime) -> tuple[tuple[str | None, Counts], ...]:
    """Return the events of the most frequent kinds, and of all others combined."""
    found = grid(Events, filters, ["kind"], "events")
    leaders = sorted(found, key=lambda kind: (-sum(found[kind].values()), kind))
    lines = [(kind, filled(found[kind,], filters, now)) for (kind,) in leaders]
    if len(lines) <= KINDS:
        return tuple(lines)
    return *lines[:KINDS], (None, summed(values for _, values in lines[KINDS:]))


def _of_sources(filters: Filters | None) -> dict[int, int]:
    """Return the events of each source, the most active first."""
    if filters is None:
        return {}
    query = Query(ALL_EVENTS, ("events",), filters.over(filters.period), ("source",), limit=None)
    return {row.keys[0]: row.count("events") for row in answer(query).rows}


def _sums(filters: Filters, events: int) -> Sums:
    """Return the totals of a period, in four statements."""
    metrics = ("sessions", "errored", "actors", "devices", "median", "ninetieth")
    found = answer(Query(VISITS, metrics, filters.over(filters.period)))
    row = found.total
    received, rejected = _received(filters)
    return Sums(
        events=events,
        sessions=row.count("sessions"),
        with_errors=row.count("errored"),
        actors=row.count("actors"),
        devices=row.count("devices"),
        median=row.number("median"),
        longest_tenth=row.number("ninetieth"),
        received=received,
        rejected=rejected,
        is_about=bool(found.estimated),
    )


def _received(filters: Filters) -> tuple[int | None, int | None]:
    """Return received and rejected events by hour; None if the counters can't apply the filters."""
    if filters.is_beyond_usage:
        return None, None
    hours = of_receipt(UsageHour.objects.all(), filters)
    found = hours.aggregate(received=Sum("received", default=0), rejected=Sum("rejected", default=0))
    return found["received"], found["rejected"]


def _cost(owners: tuple[int, ...] | None, now: datetime) -> Cost | None:
    """Return the cost; None if nothing was charged, or in several currencies."""
    month = month_of(now.date())
    currencies = charges.currencies(month, month, owners)
    if len(currencies) != 1:
        return None
    found = forecast(month, owners, now)
    return Cost(found.so_far, found.expected, currencies.pop())


def _before(compared: Filters, now: datetime) -> Counts:
    (line,) = reading.series(Events, compared, ["events"])
    return counts(line, "events", compared, now)
