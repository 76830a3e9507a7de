"""A source's page: what it sent to the reader's owners, its versions and kinds, and links to its events."""

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.ownership.source import Source
from tests.admin.conftest import filed, html_of
from tests.sending import Sender, log_event

LIMIT = 20  # queries, including session and person


def of(version: str, number: int) -> Any:
    """Return an event of a version of the portal."""
    context = {"channel": "c1", "env": "home", "pdata": {"id": "portal", "ver": version}, "sid": "s1"}
    return log_event(f"portal:{version}:{number}", context=context)


def page(sender: Sender, *events: Any) -> str:
    return f"/admin/events/source/{filed(sender, *events).source_id}/change/"


def test_the_page_says_what_was_sent_and_links_to_it(team_a: Sender, alice: Client) -> None:
    path = page(team_a, of("2.1", 1), of("2.1", 2), of("2.2", 3), of("2.2", 4) | {"edata": None})
    html = html_of(alice, path)
    source = Source.objects.get(name="portal")
    assert "portal sent 4 events in the last 14 days, 1 rejected; last seen in the hour from" in html
    assert "Events received: 4 in 14 days" in html
    assert ">2.1<" in html
    for listed in ("events/event", "events/session", "ingestion/rejectedevent"):
        assert f"/admin/{listed}/?source={source.pk}" in html
    assert f"?source={source.pk}&amp;kind=log" in html


def test_a_member_sees_only_versions_sent_to_her_owners(
    team_a: Sender, team_b: Sender, alice: Client, operator: Client
) -> None:
    path = page(team_a, of("version of A", 1))
    page(team_b, of("version of B", 2))
    html = html_of(alice, path)
    assert "version of A" in html
    assert "version of B" not in html
    assert "portal sent 1 event in" in html
    assert "Team B" not in html
    whole = html_of(operator, path)
    assert all(word in whole for word in ("version of A", "version of B", "Team A", "Team B"))


def test_the_list_shows_the_latest_version_and_the_number_of_others(team_a: Sender, alice: Client) -> None:
    filed(team_a, of("2.1", 1))
    filed(team_a, of("2.2", 2))
    html = html_of(alice, "/admin/events/source/")
    assert ">2.2 and 1 more<" in html


def test_the_page_takes_a_fixed_number_of_queries(team_a: Sender, alice: Client) -> None:
    path = page(team_a, of("2.1", 1))
    html_of(alice, path)
    asked = []
    for versions in (1, 9):
        filed(team_a, *(of(f"3.{number}", number) for number in range(versions)))
        with CaptureQueriesContext(connection) as queries:
            html_of(alice, path)
        asked.append(len(queries))
        assert not [query for query in queries if '"events_event"' in query["sql"]]
    assert asked[0] == asked[1] <= LIMIT


def test_a_source_cannot_be_changed(team_a: Sender, operator: Client) -> None:
    path = page(team_a, of("2.1", 1))
    operator.post(path, {"name": "another"})
    assert Source.objects.get().name == "portal"
