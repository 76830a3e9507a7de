"""Period: the whole local days that a report covers, in a time zone, and their buckets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Granularity(StrEnum):
    """Lengths of a series' buckets. All but the first are names of units of PostgreSQL's date_trunc."""

    QUARTER = "quarter_hour"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """From the first moment of `first` to the last of the day before `end`, in the time zone `zone`."""

    first: date
    end: date  # exclusive
    zone: ZoneInfo
    lasts: timedelta | None = None  # so much of it counts, from its first moment on; None: all
    in_utc_hours: bool = False  # it and its buckets begin with a whole UTC hour, as counters by hour do

    def __post_init__(self) -> None:
        if self.end <= self.first:
            raise ValueError("A period has at least one day")

    @property
    def since(self) -> datetime:
        """Return its first moment, in UTC."""
        return self._start(midnight(self.first, self.zone))

    @property
    def until(self) -> datetime:
        """Return the first moment after it, in UTC."""
        end = midnight(self.end, self.zone)
        if self.lasts is not None:
            end = min(midnight(self.first, self.zone) + self.lasts, end)
        return self._start(end)

    def _start(self, at: datetime) -> datetime:
        """Return the time itself, or the beginning of the next whole UTC hour."""
        return at + (EPOCH - at) % HOUR if self.in_utc_hours else at

    def by_utc_hours(self) -> "Period":
        """Return the whole UTC hours that begin in it, since hourly counters can't be split further."""
        return replace(self, in_utc_hours=True)

    @property
    def is_off_utc_hours(self) -> bool:
        """True if its days don't begin with a UTC hour, as in zones offset by half or quarter hours."""
        return any((midnight(day, self.zone) - EPOCH) % HOUR for day in (self.first, self.end))

    @property
    def last(self) -> date:
        """Return its last day."""
        return self.end - DAY

    @property
    def days(self) -> int:
        """Return its number of days."""
        return (self.end - self.first).days

    @property
    def is_month(self) -> bool:
        """True if it is exactly one calendar month."""
        return self.first.day == 1 and self.end == next_month(self.first)

    def before(self) -> "Period":
        """Return the compared period: as many days before it or, for a whole month, the month before.

        Periods shorter than a week are compared with the same weekdays of the week before, since Sundays
        differ from Mondays.
        """
        if self.is_month:
            return replace(self, first=month_of(self.first - DAY), end=self.first)
        back = max(self.end - self.first, WEEK)
        return replace(self, first=self.first - back, end=self.end - back)

    @property
    def before_in_words(self) -> str:
        """Return the period of `before` for use inside a sentence, such as "the week before"."""
        if self.is_month:
            return "the month before"
        if self.days == 1:
            return f"the {self.first:%A} before"
        if self.days < WEEK.days:
            return "the same days of the week before"
        return "the week before" if self.days == WEEK.days else "the period before"

    def year_before(self) -> "Period":
        """Return the same days a year ago. 29 February becomes 28 February."""
        first = _year_before(self.first)
        return replace(self, first=first, end=max(_year_before(self.end), first + DAY))

    def as_far_as(self, other: "Period", now: datetime) -> "Period":
        """Return as much of it as another period has completed, in quarters of an hour, at least one.

        Return all of it if the other isn't running.
        """
        if not other.since <= now < other.until:
            return self
        return replace(self, lasts=max(round((now - other.since) / QUARTER), 1) * QUARTER)

    def buckets(self, granularity: Granularity) -> list[datetime]:
        """Return the starts, in UTC, of the buckets that the period touches. The first is cut off at `since`.

        Returns at least one, even for a day that the clocks skipped.
        """
        since, until = self.since, self.until
        starts = dict.fromkeys(max(self._start(start), since) for start in _STARTS[granularity](self))
        return [start for start in starts if start < until] or [since]

    def ended(self, granularity: Granularity, now: datetime) -> int:
        """Return how many of its buckets are over at `now` and complete, not cut off by `lasts`."""
        starts = replace(self, lasts=None).buckets(granularity)
        until = min(now, self.until)
        return sum(end <= until for end in (*starts[1:], midnight(self.end, self.zone)))

    def finest(self) -> Granularity:
        """Return the finest granularity with a readable number of buckets."""
        if self.days <= 2:
            return Granularity.HOUR
        if self.days <= 92:
            return Granularity.DAY
        return Granularity.WEEK if self.days <= 400 else Granularity.MONTH


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of a local day, in UTC, even if clocks skip or repeat midnight."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def month_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """Return the first day of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def today(now: datetime, zone: ZoneInfo) -> date:
    """Return the local day of a moment."""
    return now.astimezone(zone).date()


PRESETS: dict[str, tuple[str, Callable[[date], tuple[date, date]]]] = {
    "today": ("Today", lambda day: (day, day + DAY)),
    "yesterday": ("Yesterday", lambda day: (day - DAY, day)),
    "7d": ("7 days", lambda day: (day - 6 * DAY, day + DAY)),
    "30d": ("30 days", lambda day: (day - 29 * DAY, day + DAY)),
    "this_month": ("This month", lambda day: (month_of(day), next_month(day))),
    "last_month": ("Last month", lambda day: (month_of(month_of(day) - DAY), month_of(day))),
}


def preset(name: str, now: datetime, zone: ZoneInfo) -> Period:
    """Return one of PRESETS at a time, in a zone."""
    return Period(*PRESETS[name][1](today(now, zone)), zone)


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _days(period: Period, step: int = 1, first: date | None = None) -> list[datetime]:
    at, found = first or period.first, []
    while at < period.end:
        found.append(midnight(at, period.zone))
        at += step * DAY
    return found


def _weeks(period: Period) -> list[datetime]:
    return _days(period, 7, period.first - timedelta(days=period.first.weekday()))


def _months(period: Period) -> list[datetime]:
    at, found = month_of(period.first), []
    while at < period.end:
        found.append(midnight(at, period.zone))
        at = next_month(at)
    return found


def _clock_steps(period: Period, minutes: int) -> list[datetime]:
    """Return when the local clock shows a multiple of `minutes`.

    Offsets are multiples of a quarter of an hour.
    """
    at, until = midnight(period.first, period.zone), period.until
    found: list[datetime] = []
    while at < until:
        if not found or at.astimezone(period.zone).minute % minutes == 0:
            found.append(at)
        at += QUARTER
    return found


_STARTS: dict[Granularity, Callable[[Period], list[datetime]]] = {
    Granularity.QUARTER: lambda period: _clock_steps(period, 15),
    Granularity.HOUR: lambda period: _clock_steps(period, 60),
    Granularity.DAY: _days,
    Granularity.WEEK: _weeks,
    Granularity.MONTH: _months,
}
