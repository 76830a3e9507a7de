"""Months: the period of the cost pages, given as month=2026-11 in UTC, optionally with a day and an hour."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from events.lib import times
from reports.cost.charges import parse_month
from reports.pages.links import Links
from reports.pages.page import Context
from reports.pages.report import Control, Turn
from reports.periods import DAY, Period, month_of, next_month

ZONE = ZoneInfo("UTC")  # of all that is charged
EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Selection:
    """The month, day and hour selected by a URL, and errors."""

    month: date
    day: date | None = None
    hour: datetime | None = None
    errors: tuple[str, ...] = ()

    @property
    def period(self) -> Period:
        """Return the period of the day, or else of the month."""
        if self.day:
            return Period(self.day, self.day + DAY, ZONE)
        return Period(self.month, next_month(self.month), ZONE)


def select(context: Context) -> Selection:
    """Return the selected month, day and hour; by default the current month."""
    today = context.now.astimezone(UTC).date()
    this = month_of(today)
    text = context.first("month")
    errors = []
    try:
        month = _month(text, this) if text else this
    except ValueError as error:
        errors.append(f"{error} This is {this:%B %Y}.")
        month = this
    day, hour = None, None
    try:
        day = _day(context.first("day"), month, today)
        hour = _hour(context.first("hour"), day)
    except ValueError as error:
        errors.append(f"{error} It is left out.")
    return Selection(month, day, hour, tuple(errors))


def _month(text: str, this: date) -> date:
    found = parse_month(text)
    if not EARLIEST <= found <= this:
        raise ValueError(f"{text} is no month from {EARLIEST:%Y-%m} to {this:%Y-%m}.")
    return found


def _day(text: str, month: date, today: date) -> date | None:
    if not text:
        return None
    try:
        found = times.parse_day(text)
    except ValueError as error:
        raise ValueError(f"{error}.") from None
    if not month <= found < next_month(month) or found > today:
        raise ValueError(f"{text} is no day of {month:%B %Y} that has begun.")
    return found


def _hour(text: str, day: date | None) -> datetime | None:
    if not text or day is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) < 24):
        raise ValueError(f"{text} is no hour from 0 to 23.")
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=int(text))


def control(selection: Selection, months: tuple[date, ...], now: datetime) -> Control:
    """Return the field that selects one of the months with charges."""
    offered = sorted({month_of(now.date()), selection.month, *months}, reverse=True)
    return Control(
        "month",
        "Month (UTC)",
        f"{selection.month:%Y-%m}",
        tuple((f"{each:%Y-%m}", f"{each:%B %Y}") for each in offered),
    )


def turns(selection: Selection, months: tuple[date, ...], links: Links, now: datetime) -> tuple[Turn, ...]:
    """Return links to the previous and next month with charges, or for a day to the days around it."""
    today = now.date()
    if selection.hour:
        steps = [selection.hour - timedelta(hours=1), selection.hour + timedelta(hours=1)]
        near = [at for at in steps if at.date() == selection.day and at <= now]
        hours = [Turn(f"{at:%H:%M}", links.here(hour=f"{at:%H}"), is_back=at < selection.hour) for at in near]
        return (*hours, Turn("The whole day", links.here(hour=None), is_up=True))
    if selection.day:
        days = [selection.day - DAY, selection.day + DAY]
        shown = [
            Turn(_short(day), links.here(month=f"{day:%Y-%m}", day=day), is_back=day < selection.day)
            for day in days
            if day <= today
        ]
        return (*shown, Turn(f"{selection.month:%B %Y}", links.here(day=None), is_up=True))
    first = min(months, default=selection.month)
    near_months = [month_of(selection.month - DAY), next_month(selection.month)]
    return tuple(
        Turn(f"{month:%B %Y}", links.here(month=f"{month:%Y-%m}"), is_back=month < selection.month)
        for month in near_months
        if first <= month <= month_of(today)
    )


def _short(day: date) -> str:
    return f"{day.day} {day:%B}"
