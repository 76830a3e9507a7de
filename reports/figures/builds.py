"""Builds: events of builds and tools by what they were about, whole series, how long timers ran."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.filters import Filters
from reports.query.series import Counts, counts, filled, ratio, summed
from reports.rollups import reading, wholeness
from reports.rollups.models import Builds
from reports.rollups.relation import Where
from reports.rollups.wholeness import Broken, States, Timers

LISTED = 1_000  # rows of a table
BROKEN = 100
KEYS = ("collection", "repository", "os", "architecture", "agent_version")  # what it can be narrowed by
_MEASURES = ("events", "final", "in_series", "timed")


@dataclass(frozen=True, slots=True)
class Part:
    """Events with a key in common; all of them, where it has none."""

    key: str
    events: int
    final: int  # that end a series, or stand alone
    in_series: int
    timed: int  # of a timer
    before: int | None = None  # events in the period that this one is compared with


@dataclass(frozen=True, slots=True)
class AllBuilds:
    """All figures of the page."""

    sums: Part
    parts: dict[str, tuple[Part, ...]]  # by each of KEYS, the largest first
    by_collection: dict[str, Counts]  # over time; '' is the rest
    total: Counts
    series: tuple[States, ...]  # by collection
    series_before: tuple[States, ...] | None
    broken: tuple[Broken, ...]
    timers: Timers
    timers_by_collection: tuple[Timers, ...]

    @property
    def states(self) -> States:
        """Series of all collections."""
        return of_all(self.series)


def of_all(parts: tuple[States, ...]) -> States:
    """The states of several collections as one."""
    names = ("series", "whole", "with_gaps", "unended", "running", "missing")
    return States("", *(sum(getattr(part, name) for part in parts) for name in names))


def whole_share(states: States) -> float | None:
    """Whole ones of those that are over."""
    return ratio(states.whole, states.series - states.running)


def builds(filters: Filters, now: datetime, narrowed: Mapping[str, str] | None = None) -> AllBuilds:
    """The figures of a period. `narrowed` has values of KEYS; series and timers heed the collection only."""
    where: Where = dict(narrowed or {})
    of_series: Where = {name: value for name, value in where.items() if name == "collection"}
    compared = filters.compared
    before = reading.totals(Builds, compared, ["events"], where)["events"] if compared else None
    timers, timers_by_collection = wholeness.timers(filters, of_series)
    by_collection, total = _over_time(filters, where, now)
    return AllBuilds(
        sums=_part("", reading.totals(Builds, filters, _MEASURES, where), before),
        parts={key: _parts(key, filters, where) for key in KEYS},
        by_collection=by_collection,
        total=total,
        series=tuple(wholeness.states(filters, now, of_series)),
        series_before=tuple(wholeness.states(compared, now, of_series)) if compared else None,
        broken=tuple(wholeness.broken(filters, now, of_series, BROKEN)),
        timers=timers,
        timers_by_collection=tuple(timers_by_collection),
    )


def _part(key: str, sums: dict[str, Any], before: int | None = None) -> Part:
    return Part(key, sums["events"], sums["final"], sums["in_series"], sums["timed"], before)


def _parts(key: str, filters: Filters, where: Where) -> tuple[Part, ...]:
    found = reading.top(Builds, filters, [key], _MEASURES, limit=LISTED, where=where)
    return tuple(_part(row.keys[0], row.measures) for row in found.rows)


def _over_time(filters: Filters, where: Where, now: datetime) -> tuple[dict[str, Counts], Counts]:
    lines = reading.series(Builds, filters, ["events"], by="collection", most=6, where=where)
    named: dict[str, list[Counts]] = {}
    for line in lines:
        named.setdefault(line.key or "", []).append(counts(line, "events", filters, now))
    by_collection = {name: summed(same) for name, same in named.items()}
    return by_collection, summed([filled({}, filters, now), *by_collection.values()])
