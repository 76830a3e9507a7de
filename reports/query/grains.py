"""Stretches: a time range split into parts, each read at the coarsest grain that fits."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from reports.rollups.columns import Count, Total, Whole
from reports.rollups.rollup import Grain, Rollup
from reports.rollups.statements import start_of

COARSEST_FIRST = tuple(sorted(Grain, reverse=True))


class Stretch(NamedTuple):
    """A time range read at one grain."""

    grain: Grain
    since: datetime
    until: datetime


def stretches(
    since: datetime, until: datetime, grains: Sequence[Grain] = COARSEST_FIRST
) -> Iterator[Stretch]:
    """Split a time range into stretches, each at the coarsest grain that fits."""
    if since >= until:
        return
    grain, *finer = grains
    if not finer:
        yield Stretch(grain, since, until)
        return
    first = start_of(since + timedelta(minutes=grain, microseconds=-1), grain)
    last = start_of(until, grain)
    if first >= last:
        yield from stretches(since, until, finer)
        return
    yield from stretches(since, first, finer)
    yield Stretch(grain, first, last)
    yield from stretches(last, until, finer)


def joined(pieces: Iterable[Stretch]) -> list[Stretch]:
    """Merge adjacent stretches of the same grain."""
    found: list[Stretch] = []
    for piece in pieces:
        if found and found[-1].grain == piece.grain and found[-1].until == piece.since:
            found[-1] = found[-1]._replace(until=piece.until)
        else:
            found.append(piece)
    return found


DAY = timedelta(days=1)


class Plan(NamedTuple):
    """The whole UTC days and single hours that a period is read from."""

    plain: list[Stretch]  # UTC days are of the bucket that their noon is in
    moved: list[Stretch]  # of days that are read, from the bucket of their noon to their own


def plan(starts: Sequence[datetime], until: datetime) -> Plan:
    """Return how to read buckets that begin at `starts`, the last of which ends at `until`."""
    found = Plan([], [])
    edges = [*starts, until]
    day, place = start_of(edges[0], Grain.DAY), 0
    while day < until:
        inside = []
        while place < len(edges) and edges[place] < day + DAY:
            inside += [edges[place]] if edges[place] > day else []
            place += 1
        _add_day(found, day, inside, edges[0], until)
        day += DAY
    return Plan(joined(found.plain), found.moved)


def _add_day(found: Plan, day: datetime, edges: Sequence[datetime], since: datetime, until: datetime) -> None:
    whole = Stretch(Grain.DAY, day, day + DAY)
    if not edges:
        found.plain.append(whole)
        return
    noon = day + DAY / 2
    if len(edges) == 1 and since <= noon < until:
        (edge,) = edges
        found.plain.append(whole)
        found.moved.extend(stretches(day, edge) if edge <= noon else stretches(edge, day + DAY))
        return
    inside = [max(day, since), *(edge for edge in edges if since < edge < until), min(day + DAY, until)]
    for begin, end in pairwise(inside):
        found.plain.extend(stretches(begin, end))


def witness(rollup: type[Rollup], measures: Sequence[object]) -> str | None:
    """Return the column that says if a row remains after a subtraction; None if nothing can be subtracted."""
    if not all(isinstance(measure, (Count, Whole, Total)) for measure in measures):
        return None
    counts = [each for each in rollup.measures() if isinstance(each, Count) and not each.sql]
    return str(counts[0].column) if counts else None
