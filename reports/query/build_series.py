"""Build series: how many have all their events, and how long timers ran.

Series and timers that began in the period count, with their events up to MARGIN before and after it, so that
those that go on beyond midnight aren't split. A series belongs to an owner, a source and a collection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.filters import Filters
from reports.query.grains import stretches
from reports.query.relation import Relation, Where, fetch, relation
from reports.rollups.models import BuildSeries, BuildTimers
from reports.rollups.rollup import Rollup

MARGIN = timedelta(days=1)
RUNS = timedelta(hours=1)  # a series without an end and with an event this recent may be running

# Positions count from 0 or 1. Proto3 omits a position of 0, so an event without one comes first.
_SERIES = """
SELECT *, coalesce(greatest(places - events, 0), 0) AS missing
FROM (
  SELECT *, highest + 1 - least(1, CASE WHEN indexed < events THEN 0 ELSE lowest END) AS places
  FROM (
    SELECT collection, scope, source_id, sum(events)::bigint AS events, sum(indexed) AS indexed,
           sum(final) AS final, min("least") AS lowest, max("greatest") AS highest,
           min("first") AS first, max("latest") AS latest
    FROM {made} GROUP BY owner_id, source_id, collection, scope
  ) summed WHERE first >= %(begin)s AND first < %(end)s
) placed
"""
_STATES = """
SELECT collection, count(*),
       count(*) FILTER (WHERE final > 0 AND missing = 0),
       count(*) FILTER (WHERE final > 0 AND missing > 0),
       count(*) FILTER (WHERE final = 0 AND latest < %(stale)s),
       count(*) FILTER (WHERE final = 0 AND latest >= %(stale)s),
       coalesce(sum(missing), 0)::bigint
FROM ({series}) series GROUP BY collection ORDER BY count(*) DESC, collection
"""
_BROKEN = """
SELECT collection, scope, source_id, events, missing::bigint, final > 0, first, latest FROM ({series}) series
WHERE missing > 0 OR (final = 0 AND latest < %(stale)s)
ORDER BY final > 0, missing DESC, latest DESC, scope LIMIT %(limit)s
"""
_TIMERS = """
SELECT collection, count(*), sum(events)::bigint,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds),
       percentile_disc(0.9) WITHIN GROUP (ORDER BY seconds)
FROM (
  SELECT collection, events, extract(epoch FROM latest - first)::float8 AS seconds
  FROM (
    SELECT min(collection) AS collection, sum(events) AS events, min("first") AS first,
           max("latest") AS latest
    FROM {made} GROUP BY owner_id, timer
  ) summed WHERE first >= %(begin)s AND first < %(end)s
) timers GROUP BY GROUPING SETS (collection, ()) ORDER BY GROUPING(collection) DESC, count(*) DESC, collection
"""


@dataclass(frozen=True, slots=True)
class States:
    """The series of a collection, counted by state."""

    collection: str
    series: int
    whole: int  # ended, and every place is taken
    with_gaps: int  # ended, but places are missing
    unended: int  # the last event is old, and none says that they ended
    running: int
    missing: int  # events, at least

    @property
    def over(self) -> int:
        """Return the number of series that aren't running."""
        return self.series - self.running

    @property
    def broken(self) -> int:
        """Return the number of series that lack an end or events."""
        return self.unended + self.with_gaps

    @property
    def whole_share(self) -> float | None:
        """Return the share of complete series among those that aren't running."""
        return self.whole / self.over if self.over else None


@dataclass(frozen=True, slots=True)
class Broken:
    """An incomplete series."""

    collection: str
    scope: str
    source_id: int
    events: int
    missing: int  # events, at least
    has_ended: bool
    first: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Timers:
    """Timers of a collection, or of all if it is None."""

    collection: str | None
    timers: int
    events: int
    half: float | None  # median time from first to last event, in seconds
    most: float | None  # and nine of ten


def of_all(parts: Sequence[States]) -> States:
    """Return the states of several collections as one."""
    names = ("series", "whole", "with_gaps", "unended", "running", "missing")
    return States("", *(sum(getattr(part, name) for part in parts) for name in names))


def states(filters: Filters, now: datetime, where: Where) -> list[States]:
    """Return series by state, the collection with most of them first."""
    made = _series(filters, now, where)
    return [States(*row) for row in fetch(made._replace(sql=_STATES.format(series=made.sql)))]


def broken(filters: Filters, now: datetime, where: Where, limit: int) -> list[Broken]:
    """Return incomplete series: those without an end first, then those that lack most events."""
    made = _series(filters, now, where)
    made.parameters["limit"] = limit
    return [Broken(*row) for row in fetch(made._replace(sql=_BROKEN.format(series=made.sql)))]


def timers(filters: Filters, where: Where) -> tuple[Timers, list[Timers]]:
    """Return all timers, then those of each collection, most first.

    A timer of several collections is in the first.
    """
    keys, measures = ("owner", "collection", "timer"), ("events", "first", "latest")
    made = _made(BuildTimers, filters, where, keys, measures)
    whole, *parts = [Timers(*row) for row in fetch(made._replace(sql=_TIMERS.format(made=made.sql)))]
    return whole, parts


def _series(filters: Filters, now: datetime, where: Where) -> Relation:
    keys = ("owner", "source", "collection", "scope")
    measures = ("events", "indexed", "final", "least", "greatest", "first", "latest")
    made = _made(BuildSeries, filters, where, keys, measures)
    made.parameters["stale"] = now - RUNS
    return made._replace(sql=_SERIES.format(made=made.sql))


def _made(
    rollup: type[Rollup], filters: Filters, where: Where, keys: Sequence[str], measures: Sequence[str]
) -> Relation:
    period = filters.period
    pieces = list(stretches(period.since - MARGIN, period.until + MARGIN))
    made = relation(rollup, filters, where, pieces, keys=keys, measures=measures)
    made.parameters.update(begin=period.since, end=period.until)
    return made
