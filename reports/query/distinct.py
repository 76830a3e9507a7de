"""Distinct counts: how many members there were, who was new and who came back, from rollups with sets.

Counts are exact except for hash collisions (docs/reference/rollups.md), as long as the sets to read stay
below a bound. Beyond it, only the members with the lowest hashes are read: a half, a quarter and so on until
few enough are left. A member in the sample of one bucket is in the sample of every bucket it occurs in, so
returning members are found. The database reads and samples; the sets are merged here (docs/decisions/108).
The functions take the same arguments as those of `reports.query.reading`.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, pairwise
from struct import unpack
from typing import NamedTuple

from events.lib.sql import compose
from reports.filters import Filters
from reports.periods import Granularity, Period
from reports.query.relation import (
    EVERYTHING,
    PLACE,
    Keys,
    Relation,
    Where,
    column,
    fetch,
    in_buckets,
    of_period,
    pieces_between,
    relation,
)
from reports.rollups.columns import HALVINGS_OF_LOWEST, highest_after
from reports.rollups.rollup import Rollup

BOUND = 16_384  # members of buckets, of what is counted
SIGHTINGS = 32_768  # of all buckets together, where it is asked who came when
LOOK_BACK = timedelta(days=90)  # somebody who was last seen longer before is new again


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of distinct members, estimated if a sample was counted."""

    members: int
    is_about: bool = False


NOBODY = Counted(0)
By = dict[tuple[object, ...], Counted]  # by the values of keys


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Members of a bucket: those never seen before it, and the others."""

    new: int
    returning: int
    is_about: bool = False  # True if new members are estimated from a sample


@dataclass(frozen=True, slots=True)
class Cohort:
    """Members first seen in a week, and how many of them were seen in each week from then on."""

    week: datetime
    seen: tuple[int, ...]
    is_about: bool = False  # True if a sample was counted


class _Seen(NamedTuple):
    """The members seen in some buckets, with repeats, in a sample of all `sightings`."""

    sightings: int
    halvings: int  # of the sample
    members: Sequence[int]

    @property
    def counted(self) -> Counted:
        """Count the distinct members."""
        if not self.halvings:
            return Counted(len(set(self.members)))
        return Counted(round(self._estimate(Counter(Counter(self.members).values()))), is_about=True)

    def _estimate(self, times: Mapping[int, int]) -> float:
        """Estimate the total from how many members of the sample were seen once, twice and so on.

        The size of the sample is multiplied by two per halving, then corrected by comparing the known number
        of sightings with the same multiple of the sample's sightings. Members seen more often weigh more in
        both, so most of the error cancels out (the regression estimator of Cochran, Sampling Techniques,
        chapter 7).
        """
        sample = sum(times.values())
        seen = sum(n * count for n, count in times.items())
        slope = seen / sum(n * n * count for n, count in times.items()) if sample else 1.0
        found = (sample << self.halvings) + slope * (self.sightings - (seen << self.halvings))
        return min(max(found, sample), self.sightings)


@dataclass(frozen=True, slots=True)
class Sightings:
    """The members seen in each period of time."""

    starts: Sequence[datetime]  # of stretches of time
    seen: Mapping[int, _Seen]  # in each of them that has any, the first of which is 1

    def new(self, period: Period) -> Counted:
        """Count the new members of the period."""
        count = self._between(period.since, period.until).counted
        return Counted(round(count.members * self._share_of_new(period)), count.is_about)

    def arrivals(self, period: Period, granularity: Granularity) -> dict[datetime, Arrivals]:
        """Return the new members of each bucket that has any, looking back LOOK_BACK before the period."""
        known = set(self._before(period))
        usual = self._share_of_new(period)  # used if a small bucket has no members in the sample
        found = {}
        for since, until in pairwise([*period.buckets(granularity), period.until]):
            seen = self._between(since, until)
            if seen.sightings:
                there, count = set(seen.members), seen.counted
                new = round(count.members * (len(there - known) / len(there) if there else usual))
                found[since] = Arrivals(new, count.members - new, count.is_about)
                known |= there
        return found

    def cohorts(self, period: Period) -> list[Cohort]:
        """Return the new members of each week, and how many of them were seen in later weeks."""
        weeks = period.buckets(Granularity.WEEK)
        seen = [self._between(since, until) for since, until in pairwise([*weeks, period.until])]
        halvings = max(each.halvings for each in seen)
        there = [set(each.members) for each in seen]
        known = set(self._before(period))
        found = []
        for place, week in enumerate(weeks):
            new = there[place] - known
            known |= new
            again = tuple(len(new & later) << halvings for later in there[place:])
            found.append(Cohort(week, again, is_about=halvings > 0))
        return found

    def _share_of_new(self, period: Period) -> float:
        there = set(self._between(period.since, period.until).members)
        return len(there.difference(self._before(period))) / len(there) if there else 0.0

    def _before(self, period: Period) -> Sequence[int]:
        return self._between(period.since - LOOK_BACK, period.since).members

    def _between(self, since: datetime, until: datetime) -> _Seen:
        places = range(bisect_left(self.starts, since) + 1, bisect_left(self.starts, until) + 1)
        return _together([self.seen[place] for place in places if place in self.seen])


def distinct(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> Counted:
    """Count the distinct members of the period."""
    return distinct_by(rollup, filters, (), where).get((), NOBODY)


def distinct_by(
    rollup: type[Rollup],
    filters: Filters,
    keys: tuple[str, ...],
    where: Where = EVERYTHING,
    bound: int | None = None,
) -> By:
    """Count distinct members by keys. Reads at most `bound` members per row, by default BOUND."""
    return distinct_by_each(rollup, filters, {keys: bound or BOUND}, where)[keys]


def distinct_by_each(
    rollup: type[Rollup],
    filters: Filters,
    groupings: Mapping[tuple[str, ...], int],
    where: Where = EVERYTHING,
) -> dict[tuple[str, ...], By]:
    """Count like `distinct_by` for several combinations of keys, each with its bound, in one read."""
    keys = list(dict.fromkeys(chain.from_iterable(groupings)))
    columns = {key: f'"{column(rollup, key)}"' for key in keys}
    made = of_period(rollup, filters, where, keys=keys, measures=["members"])
    bounds = [([columns[key] for key in by], bound) for by, bound in groupings.items()]
    found: dict[tuple[str, ...], dict[tuple[object, ...], list[_Seen]]] = {
        by: defaultdict(list) for by in groupings
    }
    for values, seen in _read(made, list(columns.values()), bounds):
        named = dict(zip(keys, values, strict=True))
        for by, each in zip(groupings, seen, strict=True):
            found[by][tuple(named[key] for key in by)].append(each)
    return {
        by: {values: _together(seen).counted for values, seen in parts.items()} for by, parts in found.items()
    }


def distinct_series(
    rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING
) -> dict[datetime, Counted]:
    """Count the distinct members of each bucket that has any. BOUND applies to all together."""
    starts = filters.period.buckets(filters.granularity)
    made = in_buckets(rollup, filters, where, starts, measures=["members"])
    return {starts[place - 1]: seen.counted for place, seen in _by_place(made, BOUND).items()}


def sightings(rollup: type[Rollup], filters: Filters, where: Where, weeks: Period) -> Sightings:
    """Return who was seen when, for the arrivals of the filters' period and the cohorts of some weeks."""
    times = _times(filters.period, filters.granularity) | _times(weeks, Granularity.WEEK)
    starts = sorted(times)
    made = relation(rollup, filters, where, pieces_between(starts), measures=["members"])
    return Sightings(starts, _by_place(Relation(made.sql, {**made.parameters, "starts": starts}), SIGHTINGS))


def _times(period: Period, granularity: Granularity) -> set[datetime]:
    """Return where the buckets of a period begin and end, and LOOK_BACK before it."""
    return {period.since - LOOK_BACK, *period.buckets(granularity), period.until}


def _by_place(made: Relation, bound: int) -> dict[int, _Seen]:
    """Return who was seen in each period that PLACE numbers, in one common sample."""
    return {place: seen for (place,), (seen,) in _read(made, [PLACE], [([], bound)])}


def _together(parts: Sequence[_Seen]) -> _Seen:
    """Merge the members of several parts of one sample."""
    if len(parts) == 1:
        return parts[0]
    sample = max((part.halvings for part in parts), default=0)
    members = [member for part in parts for member in part.members]
    return _Seen(sum(part.sightings for part in parts), sample, members)


# Sets are sorted, so the lowest hashes come first.
_SAMPLED = f"{{0}}[1:width_bucket({highest_after('halvings')}, {{0}})]"
# The set that the sample is taken from, fetched only once although it is used twice: appending an empty array
# fetches it, and OFFSET keeps PostgreSQL from moving that expression.
_FETCHED = f"CASE WHEN halvings < {HALVINGS_OF_LOWEST} THEN members || '{{}}' ELSE lowest END"
# PostgreSQL's binary format of an array of 64-bit numbers after its header of 20 bytes: four bytes of length
# and eight of the number for each.
_SENT = f"substr(array_send(CASE halvings WHEN 0 THEN fetched ELSE {_SAMPLED.format('fetched')} END), 21)"
_NUMBER = "4xq"
_NUMBER_BYTES = 12
# The number of members, from the stored size without the array's header of 20 bytes: counting them would
# fetch the set once more.
_SIZE = "(pg_column_size(members) - 20) / 8"

_READ = """
SELECT {told}
FROM (
    SELECT *, {fetched} AS fetched
    FROM (
        SELECT *, least({depths}) AS halvings
        FROM (SELECT {own}, {size} AS size, members, lowest FROM {rows}) AS sized
    ) AS halved OFFSET 0
) AS sampled
{grouped} HAVING count(*) > 0
"""


def _read(
    rows: Relation, columns: Sequence[str], groupings: Sequence[tuple[Sequence[str], int]]
) -> Iterator[tuple[Keys, list[_Seen]]]:
    """The values of the columns, and who was seen in the rows that have them.

    For each grouping by some of the columns, this is a sample in which no group exceeds the grouping's bound.
    """
    names = [f"c{place}" for place in range(len(columns))]
    depths = [f"h{place}" for place in range(len(groupings))]
    own = [f"{sql} AS {name}" for sql, name in zip(columns, names, strict=True)]
    own += [f"{_halvings(*each)} AS {name}" for each, name in zip(groupings, depths, strict=True)]
    told = [*names, f"max(ARRAY[{', '.join(depths)}])", "sum(size)::bigint", f"string_agg({_SENT}, '')"]
    sql = compose(
        _READ,
        told=", ".join(told),
        fetched=_FETCHED,
        depths=", ".join(depths),
        own=", ".join(own),
        size=_SIZE,
        rows=rows.sql,
        grouped="GROUP BY " + ", ".join(names) if names else "",
    )
    for *values, halvings, size, sent in fetch(Relation(sql, rows.parameters)):
        members = unpack(">" + len(sent) // _NUMBER_BYTES * _NUMBER, sent)
        of_each = {depth: _lowest(members, depth) for depth in halvings if depth > min(halvings)}
        yield tuple(values), [_Seen(size, depth, of_each.get(depth, members)) for depth in halvings]


def _halvings(grouping: Sequence[str], bound: int) -> str:
    """Return the SQL for how often a group's sample is halved."""
    size = f"sum({_SIZE}) OVER ({'PARTITION BY ' + ', '.join(grouping) if grouping else ''})"
    return f"ceil(ln(greatest({size}::float8 / {bound}, 1)) / ln(2::float8))::int"


def _lowest(members: Iterable[int], halvings: int) -> list[int]:
    """Return the members of a sample that remain after that many halvings."""
    highest = (1 << 64 - halvings) - (1 << 63) - 1
    return [member for member in members if member <= highest]
