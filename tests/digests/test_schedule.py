"""A year of due times equals an oracle that follows local clocks without any zone arithmetic."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.digests.schedule import Rhythm, Schedule, latest, moment_of, next_after, period_of
from reports.periods import DAY

# Zones, and a year with an unusual clock change.
YEARS = {
    "UTC": 2026,
    "Europe/London": 2026,
    "Australia/Lord_Howe": 2026,  # half an hour
    "Africa/Casablanca": 2026,  # back for Ramadan
    "America/Asuncion": 2024,  # at midnight, and a permanent change of offset
    "Asia/Kolkata": 2026,
    "Asia/Kathmandu": 2026,
    "Pacific/Chatham": 2026,  # at 02:45, a quarter of an hour off
    "America/Scoresbysund": 2025,  # the hour before midnight
    "America/New_York": 2026,
    "Pacific/Apia": 2012,
    "Asia/Pyongyang": 2015,  # half an hour back, once
}
QUARTER = timedelta(minutes=15)  # all clock changes of these years are at quarters of an hour


@cache
def clocks(name: str, year: int) -> dict[date, list[tuple[int, datetime]]]:
    """Return for each local day the minutes that its clocks show, with their times, in order."""
    zone = ZoneInfo(name)
    at, until = datetime(year - 1, 12, 29, tzinfo=UTC), datetime(year + 1, 1, 4, tzinfo=UTC)
    found: dict[date, list[tuple[int, datetime]]] = defaultdict(list)
    while at < until:
        local = at.astimezone(zone)
        found[local.date()].append((local.hour * 60 + local.minute, at))
        at += QUARTER
    return found


def expected(name: str, year: int, hour: int, day: date) -> datetime:
    """Return the first time the day's clocks show this hour or a later one, or else the next day's first."""
    days = clocks(name, year)
    for minute, at in days[day]:
        if minute >= hour * 60:
            return at
    return days[day + DAY][0][1]


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + place * DAY for place in range((date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize(("name", "year"), YEARS.items(), ids=YEARS)
def test_due_times_of_a_year_equal_the_oracles(name: str, year: int) -> None:
    zone = ZoneInfo(name)
    for hour in range(24):
        found = {day: moment_of(day, hour, zone) for day in days_of(year)}
        assert found == {day: expected(name, year, hour, day) for day in days_of(year)}


@pytest.mark.parametrize(("name", "year"), YEARS.items(), ids=YEARS)
@pytest.mark.parametrize("rhythm", Rhythm)
@pytest.mark.parametrize("hour", [0, 2, 7, 23])
def test_following_a_schedule_gives_every_due_time_once(
    name: str, year: int, rhythm: Rhythm, hour: int
) -> None:
    schedule = Schedule(rhythm, hour, ZoneInfo(name))
    wanted = [
        day
        for day in days_of(year)
        if {Rhythm.DAILY: True, Rhythm.WEEKLY: day.weekday() == 0, Rhythm.MONTHLY: day.day == 1}[rhythm]
    ]
    begin = expected(name, year, hour, wanted[0]) - timedelta(seconds=1)
    met: list[tuple[date, datetime]] = []
    while len(met) < len(wanted):
        due = next_after(schedule, begin)
        assert latest(schedule, due.at) == due
        met.append((due.day, due.at))
        begin = due.at
    assert met == [(day, expected(name, year, hour, day)) for day in wanted]


@pytest.mark.parametrize("name", YEARS)
@pytest.mark.parametrize("rhythm", Rhythm)
def test_periods_follow_each_other_without_gap_or_overlap(name: str, rhythm: Rhythm) -> None:
    schedule = Schedule(rhythm, 23, ZoneInfo(name))
    due = next_after(schedule, datetime(YEARS[name], 1, 15, tzinfo=UTC))
    before = period_of(schedule, due.day)
    for _ in range(13 if rhythm == Rhythm.MONTHLY else 60):
        due = next_after(schedule, due.at)
        period = period_of(schedule, due.day)
        assert (period.first, period.since) == (before.end, before.until)
        assert period.until <= due.at
        before = period


def test_a_month_is_due_on_the_first_of_the_next() -> None:
    schedule = Schedule(Rhythm.MONTHLY, 7, ZoneInfo("Europe/London"))
    due = next_after(schedule, datetime(2028, 2, 1, 7, tzinfo=UTC))
    period = period_of(schedule, due.day)
    assert (due.day, period.first, period.last) == (date(2028, 3, 1), date(2028, 2, 1), date(2028, 2, 29))


def test_a_week_is_due_on_monday() -> None:
    schedule = Schedule(Rhythm.WEEKLY, 7, ZoneInfo("UTC"))
    due = next_after(schedule, datetime(2026, 11, 21, tzinfo=UTC))
    period = period_of(schedule, due.day)
    assert (due.day, period.first, period.last) == (
        date(2026, 11, 23),
        date(2026, 11, 16),
        date(2026, 11, 22),
    )


def test_of_several_missed_days_the_last_is_due() -> None:
    schedule = Schedule(Rhythm.DAILY, 7, ZoneInfo("UTC"))
    due = latest(schedule, datetime(2026, 11, 21, 6, 59, tzinfo=UTC))
    assert (due.day, due.at) == (date(2026, 11, 20), datetime(2026, 11, 20, 7, tzinfo=UTC))


@settings(max_examples=100)
@given(
    name=st.sampled_from(sorted(YEARS)),
    rhythm=st.sampled_from(Rhythm),
    hour=st.integers(0, 23),
    moment=st.integers(1_104_537_600, 2_051_222_400).map(lambda second: datetime.fromtimestamp(second, UTC)),
)
def test_the_latest_is_in_the_past_and_the_next_in_the_future(
    name: str, rhythm: Rhythm, hour: int, moment: datetime
) -> None:
    schedule = Schedule(rhythm, hour, ZoneInfo(name))
    past, to_come = latest(schedule, moment), next_after(schedule, moment)
    assert past.at <= moment < to_come.at
    assert next_after(schedule, past.at) == to_come
