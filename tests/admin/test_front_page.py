"""The front page: usage of the last week, waiting requests, silent sources."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.access import Access
from events.admin.display import daily_sparkline
from events.admin.overview import Recent, recent_usage, silent_sources_of
from events.ownership.source import Source
from events.store.usage import UsageHour, hour_of
from tests.admin.conftest import EVENTS, filed, html_of, many
from tests.factories import person
from tests.sending import Sender, log_event

LIMIT = 16  # queries, including session, person and memberships


def counted(sender: Sender, source: str, hours_ago: int, received: int, rejected: int = 0) -> None:
    owner = sender.key.default_owner
    found, _ = Source.objects.get_or_create(organization=owner.organization, name=source)
    UsageHour.objects.create(
        owner=owner,
        source=found,
        kind="log",
        dialect="sunbird",
        hour=hour_of(timezone.now()) - timedelta(hours=hours_ago),
        received=received,
        stored=received - rejected,
        rejected=rejected,
    )


def operator_access() -> Access:
    return Access(person("otto", is_superuser=True))


def test_the_week_is_compared_with_the_week_before(team_a: Sender) -> None:
    counted(team_a, "portal", 1, 150, rejected=3)
    counted(team_a, "portal", 24 * 8, 100)
    found = recent_usage(operator_access(), timezone.now())
    assert (found.week, found.week_before, found.rejected_week) == (150, 100, 3)
    assert found.change == "50 % more than in the week before"
    assert sum(count for _, count in found.days) == 250
    assert len(found.days) == 14


@pytest.mark.parametrize(
    ("week", "before", "said"),
    [
        (5, 0, "nothing in the week before"),
        (5, 5, "the same as in the week before"),
        (5, 10, "50 % less than in the week before"),
    ],
)
def test_the_change_is_described_in_words(week: int, before: int, said: str) -> None:
    assert Recent([], [], 0, 0, week, before, 0).change == said


def test_a_source_that_stopped_sending_is_silent(team_a: Sender) -> None:
    counted(team_a, "portal", 1, 5)
    counted(team_a, "stopped", 30, 7)
    counted(team_a, "long gone", 24 * 40, 7)
    found = silent_sources_of(operator_access(), timezone.now())
    assert [(each.name, each.received) for each in found] == [("stopped", 7)]


def test_the_front_page_covers_only_the_members_owners(
    team_a: Sender, team_b: Sender, alice: Client, bob: Client
) -> None:
    counted(team_a, "stopped app of A", 30, 7)
    counted(team_b, "stopped app of B", 30, 9)
    html = html_of(alice, "/admin/")
    assert "stopped app of A" in html
    assert "stopped app of B" not in html
    assert f'href="{EVENTS}?period=7d"' in html
    assert "stopped app of B" in html_of(bob, "/admin/")


def test_the_front_page_shows_waiting_requests(
    team_a: Sender, team_b: Sender, alice: Client, bob: Client
) -> None:
    team_a.batch(log_event("one"), log_event("two"))
    assert "in 1 request, the oldest of" in html_of(alice, "/admin/")
    assert "all is filed" in html_of(bob, "/admin/")


def test_the_front_page_reads_no_events_and_takes_a_fixed_number_of_queries(
    team_a: Sender, alice: Client, django_assert_max_num_queries: Any
) -> None:
    asked = []
    for count in (1, 30):
        filed(team_a, *many(count, f"app {count}"))
        with CaptureQueriesContext(connection) as captured:
            html_of(alice, "/admin/")
        asked.append([sql["sql"] for sql in captured.captured_queries])
    assert len(asked[0]) == len(asked[1]) <= LIMIT
    assert not any('"events_event"' in sql for sql in asked[1])


def test_large_numbers_have_separators(team_a: Sender, alice: Client) -> None:
    counted(team_a, "portal", 1, 1524, rejected=1023)
    html = html_of(alice, "/admin/")
    assert ">1,524</td>" in html
    assert ">1,023</td>" in html


def test_a_sparkline_is_described_and_scaled_to_the_largest_day() -> None:
    day = date(2026, 1, 1)
    drawn = daily_sparkline([(day, 0), (day, 1), (day, 1000)], "Events <b>")
    assert "Events &lt;b&gt;: 1,001 in 3 days, at most 1,000 a day" in drawn
    assert [part.split('"')[0] for part in drawn.split('height="')[2:]] == ["0", "1", "24"]


def test_the_list_of_sources_shows_when_each_last_sent(team_a: Sender, team_b: Sender, alice: Client) -> None:
    counted(team_a, "portal", 30, 7)
    counted(team_b, "portal", 1, 7)
    last = hour_of(timezone.now()) - timedelta(hours=30)
    html = html_of(alice, "/admin/events/source/")
    assert f"{last:%Y-%m-%d %H:00}" in html
    assert "Events received: 7 in 14 days" in html


def test_the_navigation_links_to_the_api_and_the_reference_of_fields(team_a: Sender, alice: Client) -> None:
    html = html_of(alice, "/admin/")
    leads_to = {"/api/docs/": "swagger-ui", "/reference/formats/": 'id="impression:edata.pageid"'}
    for path, wanted in leads_to.items():
        assert f'href="{path}"' in html
        assert wanted in html_of(alice, path)


def test_the_api_page_has_the_admins_theme() -> None:
    styles = finders.find("drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css")
    script = finders.find("events/docs.js")
    assert styles
    assert script
    assert 'classList.toggle("dark-mode"' in Path(script).read_text()
    assert "html.dark-mode" in Path(styles).read_text(), "the class that Swagger UI knows"
