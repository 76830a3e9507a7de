"""Schedule: when a digest is due, by the clocks of a zone, and which days it is about. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from reports.periods import DAY, Period, month_of

SECOND = timedelta(seconds=1)


class Rhythm(StrEnum):
    """How often: each morning, on Mondays, on the first of a month."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Schedule:
    """An hour of the clocks of a zone, on each day, each Monday or each first of a month."""

    rhythm: Rhythm
    hour: int
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Due:
    """A moment (UTC), and the local day that it stands for: a leap of clocks may carry it into the next."""

    at: datetime
    day: date


def next_after(schedule: Schedule, moment: datetime) -> Due:
    """The first that is due after a moment."""
    return next(due for due in _dues(schedule, _around(schedule, moment), DAY) if due.at > moment)


def latest(schedule: Schedule, moment: datetime) -> Due:
    """The last that was due by a moment: of several that were missed, the only one to be made up for."""
    return next(due for due in _dues(schedule, _around(schedule, moment, 2), -DAY) if due.at <= moment)


def period_of(schedule: Schedule, day: date) -> Period:
    """What is told on a day: the day, the week or the month that ended before it."""
    first = {
        Rhythm.DAILY: day - DAY,
        Rhythm.WEEKLY: day - 7 * DAY,
        Rhythm.MONTHLY: month_of(day - DAY),
    }[schedule.rhythm]
    return Period(first, day, schedule.zone)


def moment_of(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """When the clocks of a zone show an hour, in UTC. Where they show it twice, the first time; where they
    leap over it, the first moment after the leap.
    """
    wanted = datetime.combine(day, time(hour), zone)
    early, late = sorted(wanted.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if early.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
        return early
    return _leap(early, late, zone)


def _leap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between two at which the clocks of a zone leap, to the second."""
    old = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _around(schedule: Schedule, moment: datetime, days: int = -2) -> date:
    return moment.astimezone(schedule.zone).date() + days * DAY


def _dues(schedule: Schedule, day: date, step: timedelta) -> Iterator[Due]:
    """From a day on, forwards or backwards, without end."""
    while True:
        if _IS_DAY[schedule.rhythm](day):
            yield Due(moment_of(day, schedule.hour, schedule.zone), day)
        day += step


_IS_DAY: dict[Rhythm, Callable[[date], bool]] = {
    Rhythm.DAILY: lambda _: True,
    Rhythm.WEEKLY: lambda day: day.weekday() == 0,
    Rhythm.MONTHLY: lambda day: day.day == 1,
}
