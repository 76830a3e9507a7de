"""Arrivals: who was new and who came back in each bucket of a period, and in the weeks after.

From rollups that keep sets. A member is looked at once, however often it was seen: with millions of sightings
that takes half as long as telling apart who was seen in which bucket.
"""

from datetime import datetime

from reports.filters import Filters
from reports.periods import Granularity
from reports.rollups.members import LOOK_BACK, Cohort, Newcomers, _apart, distinct_series
from reports.rollups.reading import EVERYTHING, _fetch, _pieces
from reports.rollups.relation import Relation, Where, relation, stretches
from reports.rollups.rollup import Rollup

MOST_WEEKS = 60  # bits of a whole number


def arrivals(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> dict[datetime, Newcomers]:
    """For each bucket that has members: those never seen before it, back to LOOK_BACK before the period."""
    starts = filters.period.buckets(filters.granularity)
    firsts = _fetch(
        _seen(rollup, filters, where, starts, "min(place) AS first", "first, count(*)", "first > 0")
    )
    new = {starts[place - 1]: count for place, count in firsts}
    return {
        start: Newcomers(new.get(start, 0), count - new.get(start, 0))
        for start, count in distinct_series(rollup, filters, where).items()
    }


def cohorts(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> list[Cohort]:
    """As `members.retention`: for each week of the period who was new in it, and how many of those later.

    Raises ValueError for a period of more than MOST_WEEKS.
    """
    weeks = filters.period.buckets(Granularity.WEEK)
    if len(weeks) > MOST_WEEKS:
        raise ValueError(f"{len(weeks)} weeks don't fit into a number")
    rows = _fetch(
        _seen(
            rollup, filters, where, weeks, "bit_or(1::bigint << place) AS places", "places, count(*)", "true"
        )
    )
    seen = [[0] * (len(weeks) + 1) for _ in range(len(weeks) + 1)]
    for places, count in rows:
        there = [place for place in range(len(weeks) + 1) if places >> place & 1]
        for place in there:
            seen[there[0]][place] += count
    return [Cohort(start, tuple(seen[first][first:])) for first, start in enumerate(weeks, 1)]


def _seen(
    rollup: type[Rollup],
    filters: Filters,
    where: Where,
    starts: list[datetime],
    summed: str,
    asked: str,
    condition: str,
) -> Relation:
    """Members summed up over the places of the buckets they were seen in; 0 is before the first."""
    since = filters.period.since
    pieces = [*stretches(since - LOOK_BACK, since), *_pieces(filters, starts)]
    made = relation(rollup, filters, where, pieces, measures=["members"])
    made.parameters["starts"] = starts
    placed = (
        "(SELECT width_bucket(bucket, %(starts)s::timestamptz[]) AS place, members"  # noqa: S608
        f" FROM {made.sql} OFFSET 0) AS made"
    )
    apart = _apart(Relation(placed, {}))
    return Relation(
        f"SELECT {asked} FROM (SELECT {summed} FROM {apart} GROUP BY member) each"  # noqa: S608
        f" WHERE {condition} GROUP BY 1",
        made.parameters,
    )
