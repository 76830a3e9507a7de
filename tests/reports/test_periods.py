"""Periods begin and end with local days, and their buckets have no gaps in the reader's zone."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.periods import PRESETS, Granularity, Period, preset

NOW = datetime(2026, 3, 30, 22, 30, tzinfo=UTC)  # already 31 March in Berlin
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", date(2026, 3, 31), date(2026, 3, 31)),
        ("yesterday", date(2026, 3, 30), date(2026, 3, 30)),
        ("7d", date(2026, 3, 25), date(2026, 3, 31)),
        ("30d", date(2026, 3, 2), date(2026, 3, 31)),
        ("this_month", date(2026, 3, 1), date(2026, 3, 31)),
        ("last_month", date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_presets_cover_whole_local_days(name: str, first: date, last: date) -> None:
    period = preset(name, NOW, BERLIN)
    assert (period.first, period.last) == (first, last)


def test_every_preset_is_tested() -> None:
    assert list(PRESETS) == ["today", "yesterday", "7d", "30d", "this_month", "last_month"]


def test_a_day_whose_clocks_go_forward_has_23_hours() -> None:
    period = Period(date(2026, 3, 29), date(2026, 3, 30), BERLIN)
    assert period.until - period.since == timedelta(hours=23)
    assert len(period.buckets(Granularity.HOUR)) == 23


def test_a_day_without_midnight_begins_when_the_clock_jumps() -> None:
    # Santiago went from 24:00 to 01:00 on 8 September 2024.
    period = Period(date(2024, 9, 8), date(2024, 9, 9), ZoneInfo("America/Santiago"))
    assert period.since == datetime(2024, 9, 8, 4, tzinfo=UTC)
    assert period.until - period.since == timedelta(hours=23)


def test_the_period_before_a_month_is_the_previous_month() -> None:
    period = preset("this_month", NOW, BERLIN).before()
    assert (period.first, period.last) == (date(2026, 2, 1), date(2026, 2, 28))


def test_the_period_before_has_the_same_number_of_days() -> None:
    period = preset("7d", NOW, BERLIN).before()
    assert (period.first, period.last) == (date(2026, 3, 18), date(2026, 3, 24))


@pytest.mark.parametrize(
    ("first", "days", "before", "said"),
    [
        (date(2026, 11, 28), 1, date(2026, 11, 21), "the Saturday before"),
        (date(2026, 11, 28), 2, date(2026, 11, 21), "the same days of the week before"),
        (date(2026, 11, 23), 6, date(2026, 11, 16), "the same days of the week before"),
        (date(2026, 11, 23), 7, date(2026, 11, 16), "the week before"),
        (date(2026, 11, 1), 8, date(2026, 10, 24), "the period before"),
        (date(2026, 11, 1), 30, date(2026, 10, 1), "the month before"),
    ],
)
def test_less_than_a_week_is_compared_with_the_same_weekdays(
    first: date, days: int, before: date, said: str
) -> None:
    period = Period(first, first + timedelta(days=days), BERLIN)
    assert period.before().first == before
    assert period.before().end <= period.first
    assert period.before_in_words == said


def test_a_running_period_is_compared_with_an_equally_long_part() -> None:
    today = preset("today", NOW, BERLIN)  # half an hour old
    half = today.before().as_far_as(today, NOW + timedelta(minutes=5))
    assert half.until - half.since == timedelta(minutes=30)
    assert half.buckets(Granularity.HOUR) == [half.since]
    begun = today.before().as_far_as(today, today.since)
    assert begun.until - begun.since == timedelta(minutes=15)
    assert today.before().as_far_as(today, today.until) == today.before()
    month = preset("this_month", NOW, BERLIN)
    assert month.before().as_far_as(month, NOW).until == month.since, "never longer than the period itself"


def test_running_or_truncated_buckets_are_not_counted_as_ended() -> None:
    week = preset("7d", NOW, BERLIN)
    assert week.ended(Granularity.DAY, NOW) == 6, "today isn't over"
    assert week.ended(Granularity.DAY, week.until) == 7
    assert week.ended(Granularity.HOUR, NOW) == 6 * 24 - 1, (
        "clocks skipped one hour, and the current one is half over"
    )
    summer = NOW + timedelta(days=90)  # no clock changes in these weeks
    week = preset("7d", summer, BERLIN)
    before = week.before().as_far_as(week, summer)
    assert len(before.buckets(Granularity.DAY)) == 7
    assert before.ended(Granularity.DAY, summer) == 6, "only half an hour of the day a week ago counts"
    today = preset("today", NOW, BERLIN)
    assert today.ended(Granularity.DAY, NOW) == 0


def test_a_year_before_the_leap_day_is_28_february() -> None:
    period = Period(date(2024, 2, 29), date(2024, 3, 1), BERLIN).year_before()
    assert (period.first, period.last) == (date(2023, 2, 28), date(2023, 2, 28))


@given(
    st.sampled_from(["Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "America/St_Johns", "UTC"]),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(1, 12),
    st.sampled_from(Granularity),
)
def test_buckets_begin_with_the_period_and_ascend(
    zone: str, first: date, days: int, granularity: Granularity
) -> None:
    period = Period(first, first + timedelta(days=days), ZoneInfo(zone))
    buckets = period.buckets(granularity)
    assert buckets[0] == period.since
    assert all(before < after for before, after in pairwise(buckets))
    assert buckets[-1] < period.until
