"""Sessions: number, duration, depth, entry and exit pages, devices, and returning actors.

A session counts when it began. Actors are counted by their events in the period.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from events.sessions.session import Session
from events.store.versions import has_version
from reports.filters import Filters
from reports.periods import DAY, Period
from reports.query import reading
from reports.query.distinct import Cohort, Counted, distinct, sightings
from reports.query.series import Counts, counts, filled
from reports.rollups import histograms
from reports.rollups.columns import has_key
from reports.rollups.models import Actives, Sessions, SessionShapes

# Lower ends of the bars except the first. Page counts are whole, so they are split at halves.
SPENT_EDGES = (10.0, 30.0, 60.0, 180.0, 600.0, 1_800.0, 3_600.0)  # seconds
DEPTH_EDGES = (0.5, 1.5, 2.5, 3.5, 5.5, 10.5, 20.5, 50.5)  # pages
COHORTS = 8  # weeks


@dataclass(frozen=True, slots=True)
class Sums:
    """The sessions of a period."""

    sessions: int
    single_page: int
    with_errors: int
    median: float | None  # median of the time spent, in seconds
    ninetieth: float | None  # nine of ten took at most so long
    actors: int
    new_actors: int | None  # None if not requested
    actors_are_about: bool = False  # of very many a sample is counted
    new_are_about: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """All figures of the page except the funnel."""

    sums: Sums
    before: Sums | None
    sessions: Counts
    sessions_before: Counts | None
    new: Counts
    returning: Counts
    spent: tuple[int, ...]  # between SPENT_EDGES
    depth: tuple[int, ...]  # between DEPTH_EDGES
    cohorts: tuple[Cohort, ...]


def sessions(filters: Filters, now: datetime) -> Found:
    """Return the figures of a period and of the compared one."""
    compared = filters.compared
    weeks = cohort_period(filters.period)
    who = sightings(Actives, filters, {"what": "actor"}, weeks)
    seen = who.arrivals(filters.period, filters.granularity)
    spent = reading.histogram(SessionShapes, filters, {"what": "time_spent"})
    depth = reading.histogram(SessionShapes, filters, {"what": "depth"})
    return Found(
        sums=_sums(filters, spent, who.new(filters.period)),
        before=_before(compared) if compared else None,
        sessions=_series(filters, now),
        sessions_before=_series(compared, now) if compared else None,
        new=filled({at: each.new for at, each in seen.items()}, filters, now),
        returning=filled({at: each.returning for at, each in seen.items()}, filters, now),
        spent=tuple(histograms.distribution(spent, SPENT_EDGES)),
        depth=tuple(histograms.distribution(depth, DEPTH_EDGES)),
        cohorts=tuple(who.cohorts(weeks)),
    )


def cohort_period(period: Period) -> Period:
    """Return the COHORTS whole weeks up to the last day of a period."""
    monday = period.last - timedelta(days=period.last.weekday())
    return Period(monday - (COHORTS - 1) * 7 * DAY, monday + 7 * DAY, period.zone)


def _sums(filters: Filters, spent: dict[int, int], new: Counted | None) -> Sums:
    counted = reading.totals(Sessions, filters, ("sessions", "single_page", "with_errors"))
    median, ninetieth = histograms.quantiles(spent, (0.5, 0.9))
    actors = distinct(Actives, filters, {"what": "actor"})
    return Sums(
        counted["sessions"],
        counted["single_page"],
        counted["with_errors"],
        median,
        ninetieth,
        actors=actors.members,
        # With samples, the two may differ slightly.
        new_actors=None if new is None else min(actors.members, new.members),
        actors_are_about=actors.is_about,
        new_are_about=new is not None and new.is_about,
    )


def _before(compared: Filters) -> Sums:
    spent = reading.histogram(SessionShapes, compared, {"what": "time_spent"})
    # Counting new actors there would mean reading another three months, for a figure that isn't compared.
    return _sums(compared, spent, None)


def _series(filters: Filters, now: datetime) -> Counts:
    (line,) = reading.series(Sessions, filters, ["sessions"])
    return counts(line, "sessions", filters, now)


LISTED = 50
# Their filters.
COLUMNS = {"entry": "first_page", "exit": "last_page", "device": "device_type", "os": "os_name"}
RANGES = {"spent": ("time_spent", SPENT_EDGES), "pages": ("page_views", DEPTH_EDGES)}


@dataclass(frozen=True, slots=True)
class Among:
    """Which sessions to list: all, or those that share a value."""

    what: str = ""  # of COLUMNS or RANGES
    value: str = ""  # of a range: its place

    @property
    def text(self) -> str:
        """Return the text used in the URL."""
        return f"{self.what}:{self.value}" if self.what else ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A session."""

    id: UUID
    name: str
    source_id: int
    started_at: datetime
    time_spent: float  # seconds
    page_views: int
    events: int
    errors: int
    first_page: str
    last_page: str


def among_of(text: str) -> Among:
    """Parse the URL's text. Return all sessions if it is invalid."""
    what, _, value = text.partition(":")
    if what in RANGES:
        places = range(len(RANGES[what][1]) + 1)
        return Among(what, value) if value in map(str, places) else Among()
    return Among(what, value) if what in COLUMNS else Among()


def listed(filters: Filters, among: Among) -> list[Listed]:
    """Return the latest sessions."""
    found = _narrowed(in_period(filters), among).order_by("-started_at", "-id")[:LISTED]
    return [
        Listed(
            row.pk,
            str(row),
            row.source_id,
            row.started_at,
            float(row.time_spent),
            row.page_views,
            row.events,
            row.errors,
            row.first_page or "",
            row.last_page or "",
        )
        for row in found
    ]


def in_period(filters: Filters) -> QuerySet[Session]:
    """Return the sessions that match the filters."""
    rows = Session.objects.filter(started_at__gte=filters.period.since, started_at__lt=filters.period.until)
    narrowed = {
        "owner_id__in": filters.owners,
        "source_id__in": filters.sources or None,
        "country__in": filters.countries or None,
        "is_bot": filters.bots.wanted(of_people=True),
    }
    rows = rows.filter(**{name: values for name, values in narrowed.items() if values is not None})
    return rows.filter(has_version(filters.versions)) if filters.versions else rows


def _narrowed(rows: QuerySet[Session], among: Among) -> QuerySet[Session]:
    if among.what in COLUMNS:
        return rows.filter(has_key(COLUMNS[among.what], among.value))
    if among.what in RANGES:
        column, edges = RANGES[among.what]
        place = int(among.value)
        if place > 0:
            rows = rows.filter(**{f"{column}__gte": edges[place - 1]})
        return rows.filter(**{f"{column}__lt": edges[place]}) if place < len(edges) else rows
    return rows
