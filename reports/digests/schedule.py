"""Schedules: when a digest is due in a time zone, and which days it covers. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from reports.periods import DAY, Period, month_of

SECOND = timedelta(seconds=1)


class Rhythm(StrEnum):
    """The frequency of a digest: every day, on Mondays, or on the first of the month."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Schedule:
    """An hour in a time zone, every day, every Monday or every first of a month."""

    rhythm: Rhythm
    hour: int
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Due:
    """A moment (UTC) and its local day. A clock change may move the moment into the next day."""

    at: datetime
    day: date


def next_after(schedule: Schedule, moment: datetime) -> Due:
    """Return the first due time after a moment."""
    return next(due for due in _dues(schedule, _around(schedule, moment), DAY) if due.at > moment)


def latest(schedule: Schedule, moment: datetime) -> Due:
    """Return the last due time up to a moment. Of several missed times only this one is made up for."""
    return next(due for due in _dues(schedule, _around(schedule, moment, 2), -DAY) if due.at <= moment)


def period_of(schedule: Schedule, day: date) -> Period:
    """Return the period of a digest sent on a day: the day, week or month that ended before it."""
    first = {
        Rhythm.DAILY: day - DAY,
        Rhythm.WEEKLY: day - 7 * DAY,
        Rhythm.MONTHLY: month_of(day - DAY),
    }[schedule.rhythm]
    return Period(first, day, schedule.zone)


def moment_of(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """Return when a zone's clocks show an hour, in UTC.

    If they show it twice, the first time; if they skip it, the first moment after the change.
    """
    wanted = datetime.combine(day, time(hour), zone)
    early, late = sorted(wanted.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if early.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
        return early
    return _clock_change(early, late, zone)


def _clock_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment of a clock change between two moments, to the second."""
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
    """Yield due times from a day on, forwards or backwards, without end."""
    while True:
        if _IS_DAY[schedule.rhythm](day):
            yield Due(moment_of(day, schedule.hour, schedule.zone), day)
        day += step


_IS_DAY: dict[Rhythm, Callable[[date], bool]] = {
    Rhythm.DAILY: lambda _: True,
    Rhythm.WEEKLY: lambda day: day.weekday() == 0,
    Rhythm.MONTHLY: lambda day: day.day == 1,
}
