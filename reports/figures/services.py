"""Services: levels of logs, measurements, signs of life, changes of objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Q

from events.store.silent import SilentSource
from reports.figures.behind import newest
from reports.figures.silent import silent
from reports.filters import Filters
from reports.query.series import Counts, counts, ratio
from reports.rollups import reading, silences
from reports.rollups.models import Heartbeats, Logs, Metrics, MetricShapes
from reports.rollups.relation import Where
from reports.rollups.silences import Life

LISTED = 1_000  # rows of a table
CHANGES = 25  # the newest; the rest is a list of events away
BAD = ("ERROR", "FATAL")
STATISTICS = ("mean", "sum", "last", "p95")
Values = tuple[float | None, ...]  # gaps where nothing was measured


class MetricKey(NamedTuple):
    """What tells measurements apart."""

    system: str
    subsystem: str
    metric: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A measurement over the whole period."""

    key: MetricKey
    count: int
    total: float
    least: float | None
    most: float | None
    last: float | None
    latest: datetime | None
    p95: float | None  # 95 of 100 values are at or below, true to 2 %

    @property
    def mean(self) -> float | None:
        """The mean value."""
        return ratio(self.total, self.count)


@dataclass(frozen=True, slots=True)
class SourceLogs:
    """The log of a source."""

    source_id: int
    entries: int
    bad: int  # of level ERROR or FATAL


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an object."""

    at: datetime
    event_id: str
    object_id: str
    object_type: str
    props: tuple[str, ...]
    before: str
    after: str
    type: str
    actor: str
    seconds: float | None  # that it was in the state before


@dataclass(frozen=True, slots=True)
class Trail:
    """Changes, the newest first."""

    changes: tuple[Change, ...]
    looked_back_to: datetime | None  # where there may be more from before
    has_more: bool


@dataclass(frozen=True, slots=True)
class Services:
    """All figures of the page."""

    levels: dict[str, int]  # entries by level, the most frequent first
    levels_before: dict[str, int] | None
    by_level: dict[str, Counts]
    logs: tuple[SourceLogs, ...]  # the one with most errors first
    metrics: tuple[Metric, ...]  # the most frequent first
    chosen: MetricKey | None
    values: Values  # of the chosen metric, by the chosen statistic
    lives: tuple[Life, ...]
    silent: tuple[SilentSource, ...]  # now
    signs: dict[int, Counts]  # signs of life over time, by source
    trail: Trail

    @property
    def entries(self) -> int:
        """Of all levels."""
        return sum(self.levels.values())

    @property
    def bad(self) -> int:
        """Of level ERROR or FATAL."""
        return bad_of(self.levels)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was heard of any service."""
        return not (self.entries or self.metrics or self.lives or self.trail.changes)


def bad_of(levels: dict[str, int]) -> int:
    """Entries of level ERROR or FATAL."""
    return sum(levels.get(level, 0) for level in BAD)


def services(
    filters: Filters, now: datetime, metric: MetricKey | None = None, statistic: str = "mean", about: str = ""
) -> Services:
    """The figures of a period: one metric by a statistic, one object's changes where it is named."""
    compared = filters.compared
    metrics = _metrics(filters)
    chosen = metric or (metrics[0].key if metrics else None)
    return Services(
        levels=_levels(filters),
        levels_before=_levels(compared) if compared else None,
        by_level={
            str(line.key): counts(line, "events", filters, now)
            for line in reading.series(Logs, filters, ["events"], by="level", most=LISTED)
            if line.key is not None
        },
        logs=_logs(filters),
        metrics=metrics,
        chosen=chosen,
        values=values(filters, chosen, statistic),
        lives=tuple(silences.lives(filters)),
        silent=silent(filters, now),
        signs={
            line.key: counts(line, "events", filters, now)
            for line in reading.series(Heartbeats, filters, ["events"], by="source")
            if line.key is not None
        },
        trail=trail(filters, about),
    )


def overdue(life: Life, filters: Filters, now: datetime) -> timedelta | None:
    """Return how long before the end of the period the last heartbeat was, where that is unusual."""
    lasts = min(now, filters.period.until) - life.latest
    return lasts if lasts > life.usual else None


def _levels(filters: Filters) -> dict[str, int]:
    found = reading.top(Logs, filters, ["level"], ["events"], limit=LISTED)
    return {row.keys[0]: row.measures["events"] for row in found.rows}


def _logs(filters: Filters) -> tuple[SourceLogs, ...]:
    entries = reading.top(Logs, filters, ["source"], ["events"], limit=LISTED)
    bad = reading.top(Logs, filters, ["source"], ["events"], limit=LISTED, where={"level": BAD})
    errors = {row.keys[0]: row.measures["events"] for row in bad.rows}
    found = [
        SourceLogs(row.keys[0], row.measures["events"], errors.get(row.keys[0], 0)) for row in entries.rows
    ]
    return tuple(sorted(found, key=lambda each: -each.bad))


def _metrics(filters: Filters) -> tuple[Metric, ...]:
    measures = ("count", "total", "least", "most", "last", "latest")
    found = reading.top(Metrics, filters, MetricKey._fields, measures, limit=LISTED)
    high = reading.quantiles_by(MetricShapes, filters, MetricKey._fields, [0.95], _same(found.rows))
    return tuple(
        Metric(MetricKey(*row.keys), **row.measures, p95=high[row.keys][0] if row.keys in high else None)
        for row in found.rows
    )


def _same(rows: Sequence[reading.Row]) -> Where:
    """That metrics are of the names of some: no more than are listed, however many there are."""
    return {"metric": sorted({row.keys[-1] for row in rows})}


def values(filters: Filters, metric: MetricKey | None, statistic: str) -> Values:
    """One value of a metric for each bucket; a gap where nothing was measured. p95 is true to 3 %."""
    starts = filters.period.buckets(filters.granularity)
    if metric is None:
        return (None,) * len(starts)
    where = metric._asdict()
    if statistic == "p95":
        quantiles = reading.quantile_series(MetricShapes, filters, [0.95], where)
        return tuple(quantiles[start][0] if start in quantiles else None for start in starts)
    points = reading.series(Metrics, filters, ["count", "total", "last"], where=where)[0].points
    return tuple(_value(points[start], statistic) if start in points else None for start in starts)


def _value(sums: dict[str, Any], statistic: str) -> float | None:
    if statistic == "mean":
        return float(sums["total"] / sums["count"]) if sums["count"] else None
    value = sums["total" if statistic == "sum" else "last"]
    return None if value is None else float(value)


def trail(filters: Filters, about: str = "", limit: int = CHANGES) -> Trail:
    """What changed, of one object where it is named: from the events, since no rollup keeps states."""
    found = newest("audit", filters, limit, of_event=Q(object_id=about) if about else None)
    return Trail(tuple(map(_change, found.rows)), found.looked_back_to, found.has_more)


def _change(row: Any) -> Change:
    event = row.event
    return Change(
        at=event.occurred_at,
        event_id=str(row.pk),
        object_id=event.object_id or "",
        object_type=event.object_type or "",
        props=tuple(row.props or ()),
        before=row.previous_state or "",
        after=row.state or "",
        type=row.type or "",
        actor=event.actor or "",
        seconds=row.duration,
    )
