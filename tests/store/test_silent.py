"""Silent sources: one rule for every page and digest, based on the current time."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.silent import silent_sources
from events.store.usage import UsageHour
from reports.digests import content
from reports.digests.models import Subscription
from reports.digests.schedule import Rhythm
from reports.digests.sending import latest_period
from tests.admin.conftest import html_of, operator, team_a
from tests.conftest import SetClock
from tests.reports.asked import counted
from tests.sending import Sender

__all__ = ["operator", "team_a"]
pytestmark = pytest.mark.django_db
DAY = 24


def heard(sender: Sender, source: str, hours_ago: Iterable[int]) -> Source:
    """Create a source that sent events at the given hours in the past."""
    found = [counted(sender, each, 5, source=source) for each in hours_ago]
    return found[0]


def silent() -> list[str]:
    return [each.name for each in silent_sources(UsageHour.objects.all(), timezone.now())]


def test_a_source_counts_as_silent_from_one_day_to_two_weeks(team_a: Sender, set_clock: SetClock) -> None:
    set_clock(timezone.now())
    heard(team_a, "a day", [24])
    heard(team_a, "hours", [23])
    heard(team_a, "two weeks", [14 * DAY - 1])
    heard(team_a, "gone", [14 * DAY + 1])
    assert silent() == ["a day", "two weeks"]


def test_a_source_with_equally_long_pauses_each_week_is_not_silent(team_a: Sender) -> None:
    """It has sent nothing for 41 hours, as on previous weekends."""
    weeks = range(0, 28 * DAY - 41, 7 * DAY)
    heard(team_a, "office", [41 + week + hour for week in weeks for hour in range(0, 100, 10)])
    heard(team_a, "always", range(41, 27 * DAY, 12))
    assert silent() == ["always"]


def test_a_single_earlier_pause_does_not_count_as_weekly(team_a: Sender) -> None:
    heard(team_a, "paused once", [41, 8 * DAY])
    assert silent() == ["paused once"]


def test_a_merged_source_is_never_silent(team_a: Sender) -> None:
    source = heard(team_a, "old", [41])
    Source.objects.filter(pk=source.pk).update(merged_into=heard(team_a, "new", [1]))
    assert silent() == []


def test_every_page_and_digest_reports_a_silent_source(
    team_a: Sender, operator: Client, set_clock: SetClock
) -> None:
    """They report a source that has been silent for 41 hours, whatever period they cover."""
    set_clock(timezone.now())
    source = heard(team_a, "agent", range(41, 12 * DAY, 5))
    heard(team_a, "portal", range(0, 12 * DAY, 5))
    lasts = "1 d 17 h".replace(" ", "\N{NO-BREAK SPACE}")
    said = f"agent has been silent for {lasts}, after 250 events in two weeks."
    front = html_of(operator, "/admin/")
    assert ">agent<" in front
    assert lasts in front
    assert f"silent for {lasts}" in html_of(operator, f"/admin/events/source/{source.pk}/change/")
    for page in ("overview", "services"):
        for period in ("today", "7d", "last_month"):
            html = html_of(operator, f"/reports/{page}/?period={period}")
            assert said in html, (page, period)
            assert "portal has been silent" not in html
    now, owner = timezone.now(), Owner.objects.get(pk=team_a.key.default_owner.pk)
    for rhythm in (Rhythm.DAILY, Rhythm.WEEKLY):
        subscription = Subscription(rhythm=rhythm, zone="UTC", hour=0)
        composed = content.compose(subscription, latest_period(subscription, now), [owner], now)
        assert composed is not None
        assert said in [notice.sentence for notice in composed.notices]


def test_a_digest_of_an_empty_day_reports_silent_sources(team_a: Sender) -> None:
    heard(team_a, "agent", range(41, 12 * DAY, 5))
    now, owner = timezone.now(), Owner.objects.get(pk=team_a.key.default_owner.pk)
    subscription = Subscription(rhythm=Rhythm.DAILY, zone="UTC", hour=0)
    # The day 40 hours ago may have events; a later one has none.
    period = latest_period(subscription, now + timedelta(days=1))
    composed = content.compose(subscription, period, [owner], now + timedelta(days=1))
    assert composed is not None
    assert composed.summary == "Team A: nothing was received."
    assert [notice.sentence.partition(" for ")[0] for notice in composed.notices] == ["agent has been silent"]
