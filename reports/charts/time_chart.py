"""Time charts: values by bucket of time, as bars, areas or lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from reports.charts.numbers import Number, Unit, ticks
from reports.charts.table import Column, Moment, Row, Table, offset_if_twice
from reports.periods import DAY, HOUR, Granularity, Period

SERIES = 8  # at most: the largest, and one for the rest
TICKS = 9  # on the time axis, at most


class Draw(StrEnum):
    """Ways to draw series."""

    BARS = "bars"  # stacked
    AREAS = "areas"  # stacked; only for parts of a whole
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A period of time with one value of each series."""

    start: datetime
    end: datetime
    label: str  # in the reader's time zone
    utc: str
    is_running: bool = False  # not over yet
    href: str = ""  # link that filters by it
    is_day: bool = False  # begins with a day


@dataclass(frozen=True, slots=True)
class Series:
    """One value per bucket, or None without data."""

    name: str
    values: tuple[Number | None, ...]
    hue: int
    narrow: tuple[str, str] | None = None  # query parameters that a click adds
    is_beside: bool = False  # for comparison: a dashed line that isn't stacked
    behind: Callable[[datetime, datetime], str] | None = None  # list of counted values, by time
    is_estimate: bool = False  # values come from a histogram or a sample


@dataclass(frozen=True, slots=True)
class TimeChart:
    """Series over buckets."""

    sentence: str  # text alternative for screen readers
    period: Period
    buckets: tuple[Bucket, ...]
    series: tuple[Series, ...]
    unit: Unit
    draw: Draw = Draw.BARS
    kind: str = "time"

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to show."""
        return not any(value for series in self.series for value in series.values)

    def table(self) -> Table:
        """Return the same data as a table, newest first."""
        columns = [self._time()]
        columns += [
            Column(_name(series.name), series.name, self.unit, is_estimate=series.is_estimate)
            for series in self.series
        ]
        rows = [
            Row(
                (
                    Moment(bucket.start.astimezone(self.period.zone), bucket.label, bucket.is_day),
                    *(series.values[place] for series in self.series),
                ),
                href=bucket.href,
                hrefs={
                    _name(series.name): href
                    for series in self.series
                    if series.behind and series.values[place]
                    if (href := series.behind(bucket.start, bucket.end))
                },
            )
            for place, bucket in enumerate(self.buckets)
        ]
        return Table(tuple(columns), tuple(reversed(rows)))

    def _time(self) -> Column:
        """Return the column of times."""
        zone = self.period.zone.key
        if self.period.in_utc_hours and self.period.is_off_utc_hours:
            return Column("time_in_utc_hours", f"Time ({zone}, whole UTC hours)")
        return Column("time", f"Time ({zone})")

    def spec(self) -> dict[str, Any]:
        """Return the drawing in the format of charts.js."""
        axis = ticks(self._most(), self.unit)
        return {
            "kind": self.kind,
            "draw": str(self.draw),
            "since": _ms(self.period.since),
            "until": _ms(self.period.until),
            "times": time_ticks(self.period),
            "ticks": axis,
            "unit": self.unit.name,
            "buckets": [
                {
                    "since": _ms(bucket.start),
                    "until": _ms(bucket.end),
                    "label": bucket.label,
                    "utc": bucket.utc,
                    "running": bucket.is_running,
                    "href": bucket.href,
                }
                for bucket in self.buckets
            ],
            "series": [
                {
                    "name": series.name,
                    "hue": series.hue,
                    "beside": series.is_beside,
                    "narrow": series.narrow,
                    "values": [None if value is None else float(value) for value in series.values],
                    "texts": [self.unit.exactly(value) for value in series.values],
                }
                for series in self.series
            ],
        }

    def _most(self) -> float:
        """Return the highest value drawn."""
        highest = 0.0
        for place in range(len(self.buckets)):
            drawn = [float(each.values[place] or 0) for each in self.series if not each.is_beside]
            beside = [float(each.values[place] or 0) for each in self.series if each.is_beside]
            top = max(drawn, default=0.0) if self.draw is Draw.LINES else sum(drawn)
            highest = max(highest, top, *beside)
        return highest


def buckets_of(
    period: Period, granularity: Granularity, now: datetime, href: Callable[[date, date], str] | None = None
) -> tuple[Bucket, ...]:
    """Return the buckets of a period. `href` returns the address that filters by a first and a last day."""
    starts = period.buckets(granularity)
    ends = [*starts[1:], period.until]
    return tuple(
        Bucket(
            start,
            end,
            _label(start, period.zone, granularity),
            f"{start:%Y-%m-%d %H:%M} UTC",
            is_running=start <= now < end,
            href=_narrowed(start, end, period, href),
            is_day=granularity not in (Granularity.QUARTER, Granularity.HOUR),
        )
        for start, end in zip(starts, ends, strict=True)
    )


def time_ticks(period: Period) -> list[tuple[int, str]]:
    """Return round local times for the axis, in milliseconds, with their labels."""
    if period.days <= 2:
        hours = 3 if period.days == 1 else 6
        steps = [
            at for at in period.buckets(Granularity.HOUR) if at.astimezone(period.zone).hour % hours == 0
        ]
        return [(_ms(at), _clock(at.astimezone(period.zone))) for at in steps]
    if period.days <= 100:
        every = -(-period.days // TICKS)
        return [
            (_ms(at), _day(at.astimezone(period.zone))) for at in period.buckets(Granularity.DAY)[::every]
        ]
    months = period.buckets(Granularity.MONTH)
    if months and months[0].astimezone(period.zone).day != 1:
        months = months[1:]
    every = -(-len(months) // TICKS) or 1
    return [(_ms(at), f"{at.astimezone(period.zone):%b %Y}") for at in months[::every]]


def _narrowed(
    start: datetime, end: datetime, period: Period, href: Callable[[date, date], str] | None
) -> str:
    """Return the address that filters by the days of a bucket, if that is narrower."""
    # A bucket of whole UTC hours may end one day after the day that it belongs to.
    margin = HOUR if period.in_utc_hours else timedelta(seconds=1)
    first, last = (
        start.astimezone(period.zone).date(),
        (end - margin).astimezone(period.zone).date(),
    )
    if href is None or (first, last + DAY) == (period.first, period.end):
        return ""
    return href(first, last)


def _label(start: datetime, zone: ZoneInfo, granularity: Granularity) -> str:
    at = start.astimezone(zone)
    if granularity in (Granularity.QUARTER, Granularity.HOUR):
        return f"{at:%a} {at.day} {at:%b %Y, %H:%M}{offset_if_twice(at)}"
    if granularity is Granularity.MONTH:
        return f"{at:%B %Y}"
    return f"{'week from ' if granularity is Granularity.WEEK else ''}{at:%a} {at.day} {at:%b %Y}"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M}" if at.hour else _day(at)


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b}"


def _ms(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * 1000)


def _name(title: str) -> str:
    """Return the name of a series as a column of a file."""
    return "_".join(title.lower().split())


def top_and_rest(
    found: Sequence[tuple[str, Sequence[Number | None]]], rest: str = "others", most: int = SERIES - 1
) -> list[tuple[str, tuple[Number | None, ...]]]:
    """Return the largest series, and the sum of all others under the name `rest`."""
    ranked = sorted(found, key=lambda each: -sum(value or 0 for value in each[1]))
    if len(ranked) <= most + 1:
        return [(name, tuple(values)) for name, values in ranked]
    kept = [(name, tuple(values)) for name, values in ranked[:most]]
    others = [values for _, values in ranked[most:]]
    summed = tuple(
        None if all(value is None for value in at) else sum(value for value in at if value is not None)
        for at in zip(*others, strict=True)
    )
    return [*kept, (rest, summed)]
