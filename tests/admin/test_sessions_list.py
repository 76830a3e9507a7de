"""The list of sessions: visibility, filters and search, keyset pages, number of queries."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.admin.sessions import SessionAdmin
from events.sessions.session import Session
from tests.admin.conftest import html_of
from tests.admin.visits import SESSIONS, at, failure, view, visited
from tests.sending import Sender

LIMIT = 11  # queries of a list page, including login, person and memberships


def ids(html: str) -> list[str]:
    """Return the IDs in a list, in its order."""
    return re.findall(rf'<th[^>]*><a href="{SESSIONS}([0-9a-f-]+)/change/', html)


def link(html: str, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', html)
    return SESSIONS + found[1].replace("&amp;", "&") if found else None


def shown(html: str) -> set[str | None]:
    return set(Session.objects.filter(pk__in=ids(html)).values_list("session", flat=True))


@pytest.fixture
def both(team_a: Sender, team_b: Sender) -> list[Session]:
    a = visited(team_a, at(0, "of A"))
    b = visited(team_b, at(1, "of B", actor={"id": "u2", "type": "User"}), at(2, "also of B"))
    return [a, b]


def test_a_member_sees_only_sessions_of_her_owner(
    both: list[Session], alice: Client, bob: Client, operator: Client
) -> None:
    assert shown(html_of(alice, SESSIONS)) == {"of A"}
    assert shown(html_of(bob, SESSIONS)) == {"of B", "also of B"}
    assert shown(html_of(operator, SESSIONS)) == {"of A", "of B", "also of B"}
    assert "Team B" not in html_of(alice, SESSIONS)


def test_a_person_without_memberships_may_not_see_the_list(both: list[Session], charlie: Client) -> None:
    assert charlie.get(SESSIONS).status_code == 403


def test_filtering_by_another_owner_finds_nothing(both: list[Session], alice: Client) -> None:
    theirs = both[1]
    for query in (
        f"owner={theirs.owner_id}",
        f"q={theirs.pk}",
        "q=of B",
        "q=u2",
        f"owner={theirs.owner_id}&q=u2",
    ):
        assert ids(html_of(alice, f"{SESSIONS}?{query}")) == []


def test_a_row_summarises_the_session(team_a: Sender, alice: Client) -> None:
    visited(team_a, view(0, "welcome"), at(61.5), failure(700), view(701, "goodbye"))
    html = html_of(alice, SESSIONS)
    row = re.sub(r"<[^>]+>|\s+", " ", html[html.index("data-row") : html.index("</tbody>")])
    for text in ("Team A", "portal", "welcome", "goodbye", "idle", "1 min 2 s", "11 min 41 s"):
        assert text in row


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=open", {"now"}),
        ("state=idle", {"fine", "failed"}),
        ("state=final", {"old"}),
        ("state=nonsense", set()),
        ("errors=some", {"failed"}),
        ("errors=none", {"now", "fine", "old"}),
        ("errors=none&state=idle", {"fine"}),
        ("period=30d", {"now", "fine", "failed", "old"}),
        ("errors=1", {"failed"}),
        ("errors__gte=1&is_bot=false", {"failed"}),
        ("errors__gte=many", set()),
        ('session__in="fine",old', {"fine", "old"}),
        ("actor=u9", {"failed"}),
        ("owner__in=Team A&ended_at__lt=2020-01-01T00:00Z", set()),
        ("q=fine", {"fine"}),
        ("q=u9", {"failed"}),
        ("q=d1", {"now", "fine", "failed", "old"}),
        ("q=nobody", set()),
        ("owner=&source=&state=&period=&errors=", {"now", "fine", "failed", "old"}),
        ("since=2020-01-01T00:00&until=2100-01-01T00:00", {"now", "fine", "failed", "old"}),
        ("until=2020-01-01T00:00", set()),
        ("since=yesterday", set()),
        ("version=2.1", {"now", "fine", "failed", "old"}),
        ("version=2.0,2.1", {"now", "fine", "failed", "old"}),
        ("version=2.0", set()),
        ("country=DE", set()),
        ("country=%00,DE", set()),
    ],
)
def test_filters_and_searches_narrow_the_list(
    team_a: Sender, operator: Client, query: str, expected: set[str]
) -> None:
    days = 2 * 86_400
    visited(
        team_a,
        at(3_500, "now"),
        at(0, "fine"),
        failure(1, "failed") | {"actor": {"id": "u9", "type": "User"}},
        at(-days, "old"),
    )
    assert shown(html_of(operator, f"{SESSIONS}?{query}")) == expected


def test_sessions_of_last_month_are_those_that_began_in_it(team_a: Sender, operator: Client) -> None:
    visited(team_a, at(0, "last month"), at(1, "this month"))
    first = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for session, start in (("last month", first - timedelta(seconds=1)), ("this month", first)):
        Session.objects.filter(session=session).update(started_at=start, ended_at=first)
    assert shown(html_of(operator, f"{SESSIONS}?period=last-month")) == {"last month"}


def test_sessions_are_filtered_by_their_start(team_a: Sender, alice: Client) -> None:
    visited(team_a, at(0, "first"), at(120, "second"))
    begin = Session.objects.get(session="first").started_at
    for since, minutes, expected in ((0, 1, {"first"}), (1, 5, {"second"}), (0, 2, {"first"})):
        first, end = (begin + timedelta(minutes=each) for each in (since, minutes))
        query = f"since={first:%Y-%m-%dT%H:%M}&until={end:%Y-%m-%dT%H:%M}"
        assert shown(html_of(alice, f"{SESSIONS}?{query}")) == expected


def test_a_session_is_found_by_tallys_id_and_by_its_own_if_that_is_a_uuid(
    team_a: Sender, alice: Client
) -> None:
    own = "0f8fad5b-d9cb-469f-a165-70867728950e"
    session = visited(team_a, at(0, own))
    for term in (own, str(session.pk)):
        assert ids(html_of(alice, f"{SESSIONS}?q={term}")) == [str(session.pk)]


@pytest.mark.parametrize("query", ["owner__contact__startswith=a", "reused=s1", "e=1&errors__startswith=1"])
def test_other_columns_cannot_be_filtered_by(team_a: Sender, alice: Client, query: str) -> None:
    visited(team_a, at(0, "s0"))
    name = query.rpartition("&")[2].partition("=")[0]
    html = html_of(alice, f"{SESSIONS}?{query}")
    assert f"This list has no filter “{name}”. The list ignores it." in html
    assert len(ids(html)) == 1


@pytest.mark.parametrize("query", ["after=nonsense", "before=1~2", "after=2026-01-01", "after=~"])
def test_an_invalid_cursor_redirects_to_the_list(team_a: Sender, alice: Client, query: str) -> None:
    response = alice.get(f"{SESSIONS}?{query}")
    assert (response.status_code, response["Location"]) == (302, f"{SESSIONS}?e=1")


def test_paging_forward_and_back_shows_each_session_once(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SessionAdmin, "list_per_page", 3)
    visited(team_a, *(at(number // 4, f"s{number}") for number in range(10)))
    path: str | None = f"{SESSIONS}?state=idle"
    last, forth = None, []
    while path:
        html = html_of(alice, path)
        forth.append(ids(html))
        last, path = path, link(html, "next")
    everything = [one for page in forth for one in page]
    assert [len(page) for page in forth] == [3, 3, 3, 1]
    assert everything == [str(pk) for pk in Session.objects.values_list("pk", flat=True)]
    back, path = [], last
    while path:
        html = html_of(alice, path)
        back.append(ids(html))
        path = link(html, "prev")
    assert back == forth[::-1]


def statements(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        html_of(client, path)
    return [query["sql"] for query in captured.captured_queries]


def test_the_list_takes_the_same_number_of_queries_for_any_length(team_a: Sender, alice: Client) -> None:
    visited(team_a, at(0))
    one = len(statements(alice, SESSIONS))
    visited(team_a, *(at(number, f"another {number}") for number in range(30)))
    assert len(ids(html_of(alice, SESSIONS))) == 31
    assert len(statements(alice, SESSIONS)) == one <= LIMIT


@pytest.mark.parametrize("query", ["", "?state=idle&period=30d", "?errors=none"])
def test_the_list_reads_sessions_in_one_query_without_join_count_or_offset(
    team_a: Sender, alice: Client, operator: Client, query: str
) -> None:
    visited(team_a, at(0))
    for client in (alice, operator):
        (asked,) = [sql for sql in statements(client, SESSIONS + query) if 'FROM "events_session"' in sql]
        assert not re.search(r"\bCOUNT\(|\bOFFSET\b|\bJOIN\b", asked, re.IGNORECASE)


def test_an_empty_list_explains_where_sessions_come_from(team_a: Sender, alice: Client) -> None:
    assert "No sessions yet" in html_of(alice, SESSIONS)


def test_hostile_text_is_escaped_in_the_list(team_a: Sender, alice: Client) -> None:
    hostile = '<script>"x"</script>'
    visited(team_a, view(0, hostile) | {"actor": {"id": hostile, "type": "User"}})
    html = html_of(alice, SESSIONS)
    assert '<script>"x' not in html
    assert "&lt;script&gt;&quot;x" in html


def test_sessions_cannot_be_added_changed_or_deleted(both: list[Any], operator: Client) -> None:
    assert operator.get(f"{SESSIONS}add/").status_code == 403
    assert operator.post(f"{SESSIONS}{both[0].pk}/delete/", {"post": "yes"}).status_code == 403
