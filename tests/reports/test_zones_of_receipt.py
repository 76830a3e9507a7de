"""Figures by hour of receipt count whole UTC hours, even in zones half an hour off UTC."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from events.ownership.source import Source
from ingestion.rejected.event import RejectedEvent
from reports.figures import inbox
from reports.figures.overview import overview
from reports.figures.quality import quality
from reports.figures.receipt import rejected
from reports.pages.links import rejected as rejected_list
from reports.pages.words import in_utc_hours
from reports.periods import Granularity, Period
from tests.reports.asked import context, counted, csv_of, filters
from tests.sending import Sender

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 30)
# Zones, and the local time at which their days begin in whole UTC hours.
ZONES = {
    "Asia/Kolkata": "00:30",
    "Asia/Kathmandu": "00:45",
    "America/St_Johns": "00:30",
    "Australia/Adelaide": "00:30",
    "Asia/Kabul": "00:30",
}
WHOLE = ("UTC", "Europe/Berlin", "America/New_York")


def of_day(zone: str, day: date = DAY, days: int = 1) -> Period:
    return Period(day, day + timedelta(days=days), ZoneInfo(zone))


@pytest.mark.parametrize("zone", [*ZONES, *WHOLE, "Australia/Lord_Howe"])
@pytest.mark.parametrize("granularity", list(Granularity))
def test_buckets_of_whole_hours_have_each_hour_once(zone: str, granularity: Granularity) -> None:
    period = of_day(zone, date(2026, 4, 3), days=5).by_utc_hours()  # Lord Howe's clocks change on 5 April
    starts = period.buckets(granularity)
    assert starts[0] == period.since
    assert all((start.minute, start.second) == (0, 0) for start in (*starts, period.until))
    assert starts == sorted(set(starts))
    following = replace(period, first=period.end, end=period.end + timedelta(days=1))
    assert following.since == period.until, "hours between two periods belong to one of them"
    exact = replace(period, in_utc_hours=False)
    assert timedelta() <= period.since - exact.since < timedelta(hours=1)


@pytest.mark.parametrize("zone", ZONES)
def test_pages_state_when_a_day_begins(zone: str) -> None:
    assert in_utc_hours(of_day(zone), "That is") == (
        f"That is counted by whole UTC hours: by the clocks of {zone} a day begins at {ZONES[zone]}."
    )


def test_lord_howes_offset_has_half_an_hour_only_in_winter() -> None:
    assert in_utc_hours(of_day("Australia/Lord_Howe", date(2026, 1, 10)), "It is") == ""
    assert "begins at 00:30." in in_utc_hours(of_day("Australia/Lord_Howe", date(2026, 7, 10)), "It is")
    across = of_day("Australia/Lord_Howe", date(2026, 4, 4), days=3)
    assert "begins at 00:00 or 00:30." in in_utc_hours(across, "It is")


@pytest.mark.parametrize("zone", WHOLE)
def test_zones_of_whole_hours_need_no_note(zone: str) -> None:
    assert in_utc_hours(of_day(zone), "That is") == ""


def a_rejected(sender: Sender, source: Source, received_at: datetime, name: str) -> None:
    RejectedEvent.objects.create(
        owner=sender.key.default_owner, source=source, kind="log", dialect="sunbird", encoding="json",
        body=name.encode(), content_hash=name.encode(), code="missing", path="edata.level", message="m",
        received_at=received_at, last_received_at=received_at, strict=False, context={},
    )  # fmt: skip


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu"])
def test_rejected_and_received_events_cover_the_same_hours(sender: Sender, zone: str) -> None:
    asked = filters(of_day(zone))
    since = asked.period.by_utc_hours().since
    assert since > asked.period.since
    now = since + timedelta(days=3)
    # Half an hour before and after the first whole hour: only the second is within the period.
    counted(sender, hour=since - timedelta(hours=1), received=1, rejected=1)
    source = counted(sender, hour=since, received=1, rejected=1)
    for minutes in (-10, 10):
        a_rejected(sender, source, since + timedelta(minutes=minutes), f"r{minutes}")

    found = rejected(asked, now)
    assert found is not None
    assert found.events == 1
    sums = quality(asked, now).sums
    assert (sums.received, sums.rejected, sums.rejected_share) == (1, 1, 1.0)
    shown = overview(asked, now).sums
    assert (shown.received, shown.rejected) == (1, 1)
    assert f"since={since:%Y-%m-%dT%H}%3A00" in rejected_list(asked), "the list has what was counted"


def test_throughput_has_no_empty_quarters_between_hours(sender: Sender) -> None:
    day = of_day("Asia/Kolkata")
    since = day.by_utc_hours().since
    for place in range(3):
        counted(sender, hour=since + timedelta(hours=place), received=4)
    now = since + timedelta(days=3)
    for granularity in (Granularity.QUARTER, Granularity.HOUR):
        values = inbox.throughput(filters(day, granularity), now)["stored"]
        assert (values[:4], len(values)) == ((4, 4, 4, 0), 24)


def test_csv_and_page_state_the_hours(sender: Sender, operator: Client) -> None:
    counted(sender, hour=datetime(2026, 3, 29, 19, tzinfo=UTC), received=5)
    asked = f"?from={DAY}&to={DAY}&zone=Asia/Kolkata"
    head = csv_of(operator, f"/reports/quality/{asked}&csv=sources").splitlines()[0]
    assert "received_in_utc_hours" in head
    head = csv_of(operator, f"/reports/pipeline/{asked}&csv=throughput").splitlines()[0]
    assert "time_in_utc_hours" in head
    for page in ("overview", "quality", "pipeline"):
        text = operator.get(f"/reports/{page}/{asked}").content.decode()
        assert "counted by whole UTC hours: by the clocks of Asia/Kolkata a day begins at 00:30." in text, (
            page
        )
        asked_whole = asked.replace("Asia/Kolkata", "Europe/Berlin")
        text = operator.get(f"/reports/{page}/{asked_whole}").content.decode()
        assert "by whole UTC hours" not in text, page


def test_a_day_of_a_chart_links_to_that_day() -> None:
    from reports.charts.time_chart import buckets_of

    period = of_day("Asia/Kolkata", days=3).by_utc_hours()
    asked: list[tuple[date, date]] = []

    def href(first: date, last: date) -> str:
        asked.append((first, last))
        return "x"

    buckets_of(period, Granularity.DAY, datetime(2026, 5, 1, tzinfo=UTC), href)
    assert asked == [(DAY + timedelta(days=n), DAY + timedelta(days=n)) for n in range(3)]
    assert context().kept.sentence == ""
