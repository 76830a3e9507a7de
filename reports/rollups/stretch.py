"""Stretches: a time in pieces, each read in the coarsest grain that fits."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from reports.rollups.rollup import Grain
from reports.rollups.statements import start_of

COARSEST_FIRST = tuple(sorted(Grain, reverse=True))


class Stretch(NamedTuple):
    """A stretch of time that is read in one grain."""

    grain: Grain
    since: datetime
    until: datetime


def stretches(
    since: datetime, until: datetime, grains: Sequence[Grain] = COARSEST_FIRST
) -> Iterator[Stretch]:
    """A stretch of time in pieces, each in the coarsest grain that fits."""
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
    """Pieces in their order, neighbours of one grain as one."""
    found: list[Stretch] = []
    for piece in pieces:
        if found and found[-1].grain == piece.grain and found[-1].until == piece.since:
            found[-1] = found[-1]._replace(until=piece.until)
        else:
            found.append(piece)
    return found
