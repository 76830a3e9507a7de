"""The page of partitions, for operators only, which reads only PostgreSQL's catalogue."""

from django.db import connection
from django.test import Client

from events.admin.events import answer
from events.identity import week_of
from events.partitioned.partitions import weeks
from tests.admin.conftest import filed, html_of, many
from tests.sending import Sender

PAGE = "/admin/events/event/partitions/"


def test_the_weeks_with_events_are_listed_with_rows_and_size(team_a: Sender, operator: Client) -> None:
    event = filed(team_a, *many(3))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_event")
    week = next(week for week in weeks() if week.begins == week_of(event.occurred_at).date())
    assert week.events == 3
    assert week.size > 0
    assert week.partitions > 1
    html = html_of(operator, PAGE)
    assert f"{week.begins:%Y-%m-%d}" in html
    assert "About 3 events" in html


def test_without_partitions_the_page_says_what_to_do() -> None:
    assert "manage_partitions" in answer([])


def test_only_operators_see_it(team_a: Sender, alice: Client, lead: Client, operator: Client) -> None:
    assert [who.get(PAGE).status_code for who in (alice, lead, operator)] == [403, 403, 200]
    assert f'href="{PAGE}"' in html_of(operator, "/admin/")
    assert f'href="{PAGE}"' not in html_of(alice, "/admin/")
