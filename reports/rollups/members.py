"""Members: how many different ones there were, who came back, from rollups that keep sets.

Counts are exact but for hashes that coincide (docs/reference/rollups.md). The functions take what those of
`reports.rollups.reading` take.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.filters import Filters
from reports.periods import Granularity
from reports.rollups.reading import EVERYTHING, _fetch, _pieces
from reports.rollups.relation import Relation, Where, column, relation, stretches
from reports.rollups.rollup import Rollup

LOOK_BACK = timedelta(days=90)  # somebody who was last seen longer before is new again


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Members of a period, by whether they were seen in the LOOK_BACK before it."""

    new: int
    returning: int


@dataclass(frozen=True, slots=True)
class Cohort:
    """Members first seen in a week, and how many of them were seen in each week from that one on."""

    week: datetime
    seen: tuple[int, ...]


def distinct(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> int:
    """How many different members the period has."""
    return distinct_by(rollup, filters, (), where).get((), 0)


def distinct_by(
    rollup: type[Rollup], filters: Filters, keys: tuple[str, ...], where: Where = EVERYTHING
) -> dict[tuple[object, ...], int]:
    """How many different members each combination of keys has."""
    made = _members(rollup, filters, where, keys)
    listed = "".join(f'"{column(rollup, key)}", ' for key in keys)
    distinct_members = f"(SELECT DISTINCT {listed}member FROM {made.sql}) m"  # noqa: S608
    grouped = f"GROUP BY {listed.removesuffix(', ')}" if keys else ""
    rows = _fetch(
        Relation(f"SELECT {listed}count(*) FROM {distinct_members} {grouped}", made.parameters)  # noqa: S608
    )
    return {row[:-1]: row[-1] for row in rows}


def distinct_series(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> dict[datetime, int]:
    """How many different members each bucket of the period has that has any."""
    starts = filters.period.buckets(filters.granularity)
    made = relation(rollup, filters, where, _pieces(filters, starts), measures=["members"])
    made.parameters["starts"] = starts
    rows = _fetch(
        Relation(
            "SELECT place, count(*) FROM (SELECT DISTINCT"  # noqa: S608
            f" width_bucket(bucket, %(starts)s::timestamptz[]) AS place, member FROM {_apart(made)}) m"
            " GROUP BY place ORDER BY place",
            made.parameters,
        )
    )
    return {starts[place - 1]: count for place, count in rows}


def newcomers(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> Newcomers:
    """Who is new in the period, who was seen before."""
    period = filters.period
    pieces = [*stretches(period.since - LOOK_BACK, period.since), *stretches(period.since, period.until)]
    made = relation(rollup, filters, where, pieces, measures=["members"])
    made.parameters["begin"] = period.since
    rows = _fetch(
        Relation(
            "SELECT count(*) FILTER (WHERE earliest >= %(begin)s),"  # noqa: S608
            " count(*) FILTER (WHERE earliest < %(begin)s) FROM"
            f" (SELECT min(bucket) AS earliest, max(bucket) AS latest FROM {_apart(made)} GROUP BY member) m"
            " WHERE latest >= %(begin)s",
            made.parameters,
        )
    )
    return Newcomers(*rows[0])


def retention(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> list[Cohort]:
    """For each week of the period, who was first seen in it, and how many of those in the weeks after."""
    period = filters.period
    weeks = period.buckets(Granularity.WEEK)
    pieces = [*stretches(period.since - LOOK_BACK, period.since)]
    pieces += _pieces(filters, weeks)
    made = relation(rollup, filters, where, pieces, measures=["members"])
    made.parameters["weeks"] = weeks
    rows = _fetch(
        Relation(
            "WITH seen AS MATERIALIZED (SELECT DISTINCT"  # noqa: S608
            f" width_bucket(bucket, %(weeks)s::timestamptz[]) AS week, member FROM {_apart(made)}),"
            " firsts AS (SELECT member, min(week) AS first FROM seen GROUP BY member)"
            " SELECT first, week, count(*) FROM seen JOIN firsts USING (member)"
            " WHERE first > 0 GROUP BY first, week",
            made.parameters,
        )
    )
    counts = {(first, week): count for first, week, count in rows}
    return [
        Cohort(start, tuple(counts.get((first, week), 0) for week in range(first, len(weeks) + 1)))
        for first, start in enumerate(weeks, 1)
    ]


def _members(rollup: type[Rollup], filters: Filters, where: Where, keys: tuple[str, ...] = ()) -> Relation:
    pieces = list(stretches(filters.period.since, filters.period.until))
    made = relation(rollup, filters, where, pieces, keys=keys, measures=["members"])
    return Relation(_apart(made), made.parameters)


def _apart(made: Relation) -> str:
    return f"{made.sql} CROSS JOIN LATERAL unnest(made.members) AS member"
