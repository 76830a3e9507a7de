"""Members: how many different ones there were, who was new, who came back, from rollups that keep sets.

Counts are exact but for hashes that coincide (docs/reference/rollups.md), as long as no more than BOUND
members of buckets are to be read. Of more, those with the lowest hashes are read, a half, a quarter and so on
until that many are left, and counts are multiplied: who is in the sample of one bucket is in those of all, so
whoever comes again is found again. The functions take what those of `reports.rollups.reading` take.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.filters import Filters
from reports.periods import Granularity
from reports.rollups.relation import (
    EVERYTHING,
    PLACE,
    Relation,
    Where,
    buckets_in_pieces,
    column,
    fetch,
    in_buckets,
    of_period,
    relation,
    stretches,
)
from reports.rollups.rollup import Rollup

BOUND = 32_768
LOOK_BACK = timedelta(days=90)  # somebody who was last seen longer before is new again
MOST_WEEKS = 60  # bits of a whole number


@dataclass(frozen=True, slots=True)
class Counted:
    """How many different members there were; about so many, where a sample was counted."""

    members: int
    is_about: bool = False


NOBODY = Counted(0)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Members of a bucket: those never seen before it, and those that were."""

    new: int
    returning: int
    is_about: bool = False  # whether a sample tells who is new


@dataclass(frozen=True, slots=True)
class Cohort:
    """Members first seen in a week, and how many of them were seen in each week from that one on."""

    week: datetime
    seen: tuple[int, ...]
    is_about: bool = False  # whether a sample was counted


def distinct(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> Counted:
    """How many different members the period has."""
    return distinct_by(rollup, filters, (), where).get((), NOBODY)


def distinct_by(
    rollup: type[Rollup], filters: Filters, keys: tuple[str, ...], where: Where = EVERYTHING
) -> dict[tuple[object, ...], Counted]:
    """How many different members each combination of keys has."""
    made = of_period(rollup, filters, where, keys=keys, measures=["members"])
    listed = ", ".join(f'"{column(rollup, key)}"' for key in keys)
    named = f"{listed}, " if keys else ""
    # Members are told apart by the number of their part instead of its keys: that takes half the time.
    part = f"dense_rank() OVER ({f'ORDER BY {listed}' if keys else ''}) AS part"
    sql = f"""{_sample(made.sql, f"{named}{part}", listed)},
        counted AS (
            SELECT part, count(*) AS members FROM (SELECT DISTINCT part, {_MEMBER} FROM {_FETCHED}) AS apart
            GROUP BY part
        )
        SELECT {named}members << halvings, halvings > 0
        FROM (SELECT DISTINCT {named}part, halvings FROM sample) AS parts JOIN counted USING (part)"""  # noqa: S608
    rows = fetch(Relation(sql, made.parameters))
    return {row[:-2]: Counted(row[-2], row[-1]) for row in rows}


def distinct_series(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> dict[datetime, int]:
    """How many different members each bucket of the period has that has any."""
    starts = filters.period.buckets(filters.granularity)
    made = in_buckets(rollup, filters, where, starts, measures=["members"])
    sql = f"""{_sample(made.sql, f"{PLACE} AS place")}
        SELECT place, count(*) << {_HALVINGS} FROM (SELECT DISTINCT place, {_MEMBER} FROM {_FETCHED}) AS apart
        GROUP BY place ORDER BY place"""  # noqa: S608
    rows = fetch(Relation(sql, made.parameters))
    return {starts[place - 1]: count for place, count in rows}


def arrivals(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> dict[datetime, Arrivals]:
    """For each bucket that has members: who is new in it, as far back as LOOK_BACK before the period."""
    starts = filters.period.buckets(filters.granularity)
    firsts = _by_sightings(rollup, filters, where, starts, "min(place)")
    new = {starts[place - 1]: count for place, count, _ in firsts if place > 0}
    is_about = any(is_sample for _, _, is_sample in firsts)
    found = {}
    for start, count in distinct_series(rollup, filters, where).items():
        newly = min(new.get(start, 0), count)  # two samples may differ a little
        found[start] = Arrivals(newly, count - newly, is_about)
    return found


def cohorts(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> list[Cohort]:
    """For each week of the period who was new in it, and how many of those were seen in the weeks after.

    Raises ValueError for a period of more than MOST_WEEKS.
    """
    weeks = filters.period.buckets(Granularity.WEEK)
    if len(weeks) > MOST_WEEKS:
        raise ValueError(f"{len(weeks)} weeks don't fit into a number")
    seen = [[0] * (len(weeks) + 1) for _ in range(len(weeks) + 1)]
    found = _by_sightings(rollup, filters, where, weeks, "bit_or(1::bigint << place)")
    for places, count, _ in found:
        there = [place for place in range(len(weeks) + 1) if places >> place & 1]
        for place in there:
            seen[there[0]][place] += count
    is_about = any(is_sample for _, _, is_sample in found)
    return [Cohort(start, tuple(seen[first][first:]), is_about) for first, start in enumerate(weeks, 1)]


def _by_sightings(
    rollup: type[Rollup], filters: Filters, where: Where, starts: list[datetime], summed: str
) -> list[tuple[int, int, bool]]:
    """How many members have each value of `summed`, an aggregate over the places of the buckets they were
    seen in: 1 is the first, 0 the LOOK_BACK before it. And whether a sample tells it.

    A member is looked at once, however often it was seen: with millions of sightings that takes half as long
    as telling apart who was seen in which bucket (docs/decisions/102).
    """
    since = filters.period.since
    pieces = [*stretches(since - LOOK_BACK, since), *buckets_in_pieces(filters, starts)]
    made = relation(rollup, filters, where, pieces, measures=["members"])
    sql = f"""{_sample(made.sql, f"{PLACE} AS place")}
        SELECT value, count(*) << {_HALVINGS}, {_HALVINGS} > 0
        FROM (
            SELECT {summed} AS value FROM (SELECT place, {_MEMBER} FROM {_FETCHED}) AS apart GROUP BY member
        ) AS seen GROUP BY value"""  # noqa: S608
    return fetch(Relation(sql, {**made.parameters, "starts": starts}))


# The rows of `sample` with their sets, each fetched once: what follows looks at it twice. Appending nothing
# fetches it, and OFFSET keeps that where it stands.
_FETCHED = "(SELECT *, members || '{}' AS fetched FROM sample OFFSET 0) AS sets"
# Of such a row the members that are in the sample. Sets are sorted, so the lowest hashes come first: of the
# 2^64 that there are, from -2^63 on, the first 2^(64 - halvings).
_HIGHEST = "-9223372036854775807 + ((1::bigint << (63 - halvings)) - 1) * 2"
_LOWEST = f"fetched[1:width_bucket({_HIGHEST}, fetched)]"
_MEMBER = f"unnest(CASE WHEN halvings = 0 THEN fetched ELSE {_LOWEST} END) AS member"
_HALVINGS = "(SELECT max(halvings) FROM sample)"  # where all rows are sampled alike
# How many there are, by the bytes of a set as it is stored, without the 20 that are an array's own: to count
# them, it would be fetched once more.
_SIZE = "(pg_column_size(members) - 20) / 8"


def _sample(rows: str, columns: str, by: str = "") -> str:
    """The begin of a statement: `sample`, with these columns of the rows, their members and `halvings`: 0, or
    how often the sample was halved, so that of those together that are the same in `by` no more than BOUND
    are read.
    """
    size = f"sum({_SIZE}) OVER ({'PARTITION BY ' + by if by else ''})"
    halvings = f"greatest(0, ceil(ln({size}::float8 / {BOUND}) / ln(2::float8)))::int AS halvings"
    return f"WITH sample AS MATERIALIZED (SELECT {columns}, members, {halvings} FROM {rows})"  # noqa: S608
