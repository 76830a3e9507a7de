"""Members: how many different ones there were, who came back, from rollups that keep sets.

Counts are exact but for hashes that coincide (docs/reference/rollups.md), as long as no more than BOUND
members of buckets are to be read. Of more, those with the lowest hashes are read, a half, a quarter and so on
until that many are left, and counts are multiplied: who is in the sample of one bucket is in those of all, so
whoever comes again is found again. The functions take what those of `reports.rollups.reading` take.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.filters import Filters
from reports.periods import Granularity
from reports.rollups.reading import EVERYTHING, _fetch, _pieces
from reports.rollups.relation import Relation, Where, column, relation, stretches
from reports.rollups.rollup import Rollup

BOUND = 100_000
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
    pieces = list(stretches(filters.period.since, filters.period.until))
    made = relation(rollup, filters, where, pieces, keys=keys, measures=["members"])
    listed = [f'"{column(rollup, key)}"' for key in keys]
    within = f"PARTITION BY {', '.join(listed)}" if keys else ""
    different = f"SELECT DISTINCT {', '.join(['member', 'halvings', *listed])} FROM {_apart(made, within)}"  # noqa: S608
    counted = ", ".join([*listed, "count(*) << max(halvings)"])
    grouped = f"GROUP BY {', '.join(listed)}" if keys else ""
    rows = _fetch(Relation(f"SELECT {counted} FROM ({different}) m {grouped}", made.parameters))  # noqa: S608
    return {row[:-1]: row[-1] or 0 for row in rows}


def distinct_series(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> dict[datetime, int]:
    """How many different members each bucket of the period has that has any."""
    starts = filters.period.buckets(filters.granularity)
    made = relation(rollup, filters, where, _pieces(filters, starts), measures=["members"])
    made.parameters["starts"] = starts
    rows = _fetch(
        Relation(
            "SELECT place, count(*) << max(halvings) FROM (SELECT DISTINCT member, halvings,"  # noqa: S608
            f" width_bucket(bucket, %(starts)s::timestamptz[]) AS place FROM {_apart(made)}) m"
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
            "SELECT count(*) FILTER (WHERE earliest >= %(begin)s) << max(halvings),"  # noqa: S608
            " count(*) FILTER (WHERE earliest < %(begin)s) << max(halvings) FROM (SELECT"
            " min(bucket) AS earliest, max(bucket) AS latest, max(halvings) AS halvings"
            f" FROM {_apart(made)} GROUP BY member) m WHERE latest >= %(begin)s",
            made.parameters,
        )
    )
    return Newcomers(*(count or 0 for count in rows[0]))


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
            "WITH seen AS MATERIALIZED (SELECT DISTINCT member, halvings,"  # noqa: S608
            f" width_bucket(bucket, %(weeks)s::timestamptz[]) AS week FROM {_apart(made)}),"
            " firsts AS (SELECT member, min(week) AS first FROM seen GROUP BY member)"
            " SELECT first, week, count(*) << max(halvings) FROM seen JOIN firsts USING (member)"
            " WHERE first > 0 GROUP BY first, week",
            made.parameters,
        )
    )
    counts = {(first, week): count for first, week, count in rows}
    return [
        Cohort(start, tuple(counts.get((first, week), 0) for week in range(first, len(weeks) + 1)))
        for first, start in enumerate(weeks, 1)
    ]


def _apart(made: Relation, within: str = "") -> str:
    """The rows taken apart into members, with `halvings`: 0, or how often the sample was halved.

    `within`: of which rows together no more than BOUND are to be read.
    """
    size = f"sum(cardinality(members)) OVER ({within})"
    halvings = f"greatest(0, ceil(ln({size}::float8 / {BOUND}) / ln(2::float8)))::int AS halvings"
    # Sets are sorted, so the lowest hashes come first: those up to -2^63 + 2^(64 - halvings) - 1.
    highest = "-9223372036854775807 + ((1::bigint << (63 - halvings)) - 1) * 2"
    lowest = f"members[1:width_bucket({highest}, members)]"
    return (
        f"(SELECT made.*, {halvings} FROM {made.sql}) AS made CROSS JOIN LATERAL"  # noqa: S608
        f" unnest(CASE WHEN halvings = 0 THEN members ELSE {lowest} END) AS member"
    )
