"""Overview: what applications did in a period, and whether it went well.

From rollups; what is received and rejected from the counters of usage.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from events.store.usage import UsageHour
from reports.cost import reading as charges
from reports.cost.forecasting import forecast
from reports.figures.ratio import ratio
from reports.figures.receipt import of_receipt
from reports.figures.series import Counts, counts, filled, summed
from reports.filters import Filters
from reports.periods import month_of
from reports.rollups import members, reading
from reports.rollups.models import Actives, Events, Pages, Sessions, SessionShapes

KINDS = 7  # with a line of their own
SOURCES = 50
PAGES = 10


@dataclass(frozen=True, slots=True)
class Sums:
    """What happened in a period."""

    events: int
    sessions: int
    with_errors: int  # sessions
    actors: int
    devices: int
    median: float | None  # time spent in a session, seconds
    longest_tenth: float | None  # nine of ten sessions are shorter, seconds
    received: int | None  # by hour of receipt; None where that isn't counted by what is asked
    rejected: int | None
    is_about: bool = False  # whether actors and devices are counted in a sample, since they are very many

    @property
    def error_share(self) -> float | None:
        """Sessions with errors of all."""
        return ratio(self.with_errors, self.sessions)

    @property
    def rejected_share(self) -> float | None:
        """Rejected of what was received."""
        return ratio(self.rejected or 0, self.received)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A source or a page, and how much of it there was."""

    key: int | str
    count: int
    before: int | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What the owners cost in the month that runs (UTC), by whatever else is filtered."""

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
    pages: tuple[Ranked, ...]  # by views
    cost: Cost | None


def overview(filters: Filters, now: datetime) -> Overview:
    """The figures of a period and of the one that it is compared with; 22 statements at the most."""
    compared = filters.compared
    kinds = reading.series(Events, filters, ["events"], by="kind", most=KINDS)
    (sessions,) = reading.series(Sessions, filters, ["sessions", "with_errors"])
    sources = reading.top(Events, filters, ["source"], ["events"], limit=SOURCES)
    pages = reading.top(Pages, filters, ["page"], ["views"], limit=PAGES)
    by_kind = tuple((line.key, counts(line, "events", filters, now)) for line in kinds)
    return Overview(
        sums=sums(filters),
        before=sums(compared) if compared else None,
        by_kind=by_kind,
        events=summed([filled({}, filters, now), *(values for _, values in by_kind)]),
        events_before=_before(compared, now) if compared else None,
        sessions=counts(sessions, "sessions", filters, now),
        with_errors=counts(sessions, "with_errors", filters, now),
        sources=_ranked(sources, _earlier(compared, sources, "source")),
        sources_in_all=sources.of,
        pages=_ranked(pages, _earlier(compared, pages, "page")),
        cost=_cost(filters.owners, now),
    )


def sums(filters: Filters) -> Sums:
    """What happened in a period; five statements."""
    sessions = reading.totals(Sessions, filters, ["sessions", "with_errors"])
    active = members.distinct_by(Actives, filters, ("what",))
    median, longest_tenth = reading.quantiles(SessionShapes, filters, (0.5, 0.9), {"what": "time_spent"})
    received, rejected = _received(filters)
    return Sums(
        events=reading.totals(Events, filters, ["events"])["events"],
        sessions=sessions["sessions"],
        with_errors=sessions["with_errors"],
        actors=active.get(("actor",), members.NOBODY).members,
        devices=active.get(("device",), members.NOBODY).members,
        median=median,
        longest_tenth=longest_tenth,
        received=received,
        rejected=rejected,
        is_about=any(each.is_about for each in active.values()),
    )


def _received(filters: Filters) -> tuple[int | None, int | None]:
    """Received and rejected, by hour of receipt. Of what is rejected, versions and countries are unknown."""
    if filters.versions or filters.countries:
        return None, None
    hours = of_receipt(UsageHour.objects.all(), filters)
    found = hours.aggregate(received=Sum("received", default=0), rejected=Sum("rejected", default=0))
    return found["received"], found["rejected"]


def _cost(owners: tuple[int, ...] | None, now: datetime) -> Cost | None:
    """None where nothing was charged, or in several currencies."""
    month = month_of(now.date())
    currencies = charges.currencies(month, month, owners)
    if len(currencies) != 1:
        return None
    found = forecast(month, owners, now)
    return Cost(found.so_far, found.expected, currencies.pop())


def _before(compared: Filters, now: datetime) -> Counts:
    (line,) = reading.series(Events, compared, ["events"])
    return counts(line, "events", compared, now)


def _earlier(compared: Filters | None, now: reading.Top, key: str) -> dict[int | str, int] | None:
    """The same keys in the period before."""
    if compared is None:
        return None
    keys = [row.keys[0] for row in now.rows]
    if not keys:
        return {}
    rollup, measure = (Events, "events") if key == "source" else (Pages, "views")
    found = reading.top(rollup, compared, [key], [measure], limit=len(keys), where={key: keys})
    return {row.keys[0]: row.measures[measure] for row in found.rows}


def _ranked(found: reading.Top, earlier: dict[int | str, int] | None) -> tuple[Ranked, ...]:
    return tuple(
        Ranked(
            row.keys[0],
            next(iter(row.measures.values())),
            None if earlier is None else earlier.get(row.keys[0], 0),
        )
        for row in found.rows
    )
