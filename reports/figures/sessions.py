"""Sessions: how many, how long and deep, where they begin and end, on what, and who comes back.

A session counts when it began. Actors are counted by their events of the period.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.filters import Filters
from reports.periods import DAY, Period
from reports.query.series import Counts, counts, filled
from reports.rollups import reading, shapes
from reports.rollups.members import Cohort, Counted, distinct, sightings
from reports.rollups.models import Actives, Ends, Sessions, SessionShapes

# Lower ends of the bars, but for the first; whole numbers of pages are told apart at halves.
SPENT_EDGES = (10.0, 30.0, 60.0, 180.0, 600.0, 1_800.0, 3_600.0)  # seconds
DEPTH_EDGES = (0.5, 1.5, 2.5, 3.5, 5.5, 10.5, 20.5, 50.5)  # pages
LISTED = 50  # rows of a table of pages, versions or countries
COHORTS = 8  # weeks
MEASURES = ("sessions", "time_spent", "single_page", "with_errors")
SPLITS = ("device_type", "os_name", "version", "country")


@dataclass(frozen=True, slots=True)
class Sums:
    """The sessions of a period."""

    sessions: int
    single_page: int
    with_errors: int
    median: float | None  # of the time spent, seconds
    ninetieth: float | None  # nine of ten took at most so long
    actors: int
    new_actors: int | None  # None where nobody asked
    actors_are_about: bool = False  # of very many a sample is counted
    new_are_about: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The sessions that share a page, a device or the like."""

    name: str
    sessions: int
    before: int | None
    time_spent: float = 0.0  # seconds, of all of them
    single_page: int = 0
    with_errors: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """The largest of them, and how many there are."""

    rows: tuple[Part, ...]
    of: int


@dataclass(frozen=True, slots=True)
class Found:
    """All figures of the page but the funnel."""

    sums: Sums
    before: Sums | None
    sessions: Counts
    sessions_before: Counts | None
    new: Counts
    returning: Counts
    spent: tuple[int, ...]  # between SPENT_EDGES
    depth: tuple[int, ...]  # between DEPTH_EDGES
    entries: Parts
    exits: Parts
    splits: dict[str, Parts]  # by SPLITS
    cohorts: tuple[Cohort, ...]


def sessions(filters: Filters, now: datetime) -> Found:
    """The figures of a period and of the one that it is compared with."""
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
        spent=tuple(shapes.distribution(spent, SPENT_EDGES)),
        depth=tuple(shapes.distribution(depth, DEPTH_EDGES)),
        entries=_ends(filters, compared, "entry"),
        exits=_ends(filters, compared, "exit"),
        splits={key: _split(filters, key) for key in SPLITS},
        cohorts=tuple(who.cohorts(weeks)),
    )


def cohort_period(period: Period) -> Period:
    """The whole weeks, COHORTS of them, that the last day of a period ends."""
    monday = period.last - timedelta(days=period.last.weekday())
    return Period(monday - (COHORTS - 1) * 7 * DAY, monday + 7 * DAY, period.zone)


def _sums(filters: Filters, spent: dict[int, int], new: Counted | None) -> Sums:
    counted = reading.totals(Sessions, filters, MEASURES)
    median, ninetieth = shapes.quantiles(spent, (0.5, 0.9))
    actors = distinct(Actives, filters, {"what": "actor"})
    return Sums(
        counted["sessions"],
        counted["single_page"],
        counted["with_errors"],
        median,
        ninetieth,
        actors=actors.members,
        # Where samples are counted, the two may differ a little.
        new_actors=None if new is None else min(actors.members, new.members),
        actors_are_about=actors.is_about,
        new_are_about=new is not None and new.is_about,
    )


def _before(compared: Filters) -> Sums:
    spent = reading.histogram(SessionShapes, compared, {"what": "time_spent"})
    # Who was new then would be one more look back of three months, for a figure that is not compared.
    return _sums(compared, spent, None)


def _series(filters: Filters, now: datetime) -> Counts:
    (line,) = reading.series(Sessions, filters, ["sessions"])
    return counts(line, "sessions", filters, now)


def _ends(filters: Filters, compared: Filters | None, role: str) -> Parts:
    """The pages that most sessions began or ended on."""
    found = reading.top(Ends, filters, ["page"], ["sessions"], limit=LISTED, where={"role": role})
    earlier: dict[str, int] = {}
    if compared:
        where = {"role": role, "page": [row.keys[0] for row in found.rows]}
        rows = reading.top(Ends, compared, ["page"], ["sessions"], limit=LISTED, where=where).rows
        earlier = {row.keys[0]: row.measures["sessions"] for row in rows}
    return Parts(
        tuple(
            Part(row.keys[0], row.measures["sessions"], earlier.get(row.keys[0], 0) if compared else None)
            for row in found.rows
        ),
        found.of,
    )


def _split(filters: Filters, key: str) -> Parts:
    """Sessions by a key. Not compared: four statements more would say little."""
    found = reading.top(Sessions, filters, [key], MEASURES, limit=LISTED)
    return Parts(tuple(Part(row.keys[0], before=None, **row.measures) for row in found.rows), found.of)
