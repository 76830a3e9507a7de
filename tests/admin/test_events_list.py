"""The list of events: visibility, filters, keyset pages, number of queries."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.admin.events import EventAdmin
from events.event import Event
from tests.admin.conftest import EVENTS, filed, html_of, many
from tests.sending import AVAILITY, EMIT, Sender, emitted, file_all, log_event, message, now_ms

LIMIT = 11  # queries of a list page, including session, person and memberships


def ids(html: str) -> list[str]:
    """Return the IDs in a list, in its order."""
    return re.findall(rf'<th[^>]*><a href="{EVENTS}([0-9a-f-]+)/change/', html)


def link(html: str, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', html)
    return EVENTS + found[1].replace("&amp;", "&") if found else None


@pytest.fixture
def both(team_a: Sender, team_b: Sender) -> list[Any]:
    return [filed(team_a, *many(2, "app of A")), filed(team_b, *many(3, "app of B"))]


def test_a_member_sees_only_events_of_her_owner(both: list[Any], alice: Client, bob: Client) -> None:
    assert len(ids(html_of(alice, EVENTS))) == 2
    assert len(ids(html_of(bob, EVENTS))) == 3
    assert "Team B" not in html_of(alice, EVENTS)


def test_filters_offer_only_the_members_owners_and_their_sources(both: list[Any], alice: Client) -> None:
    html = html_of(alice, EVENTS)
    assert '<option value="' + str(both[0].owner_id) + '">Team A</option>' in html
    assert "app of A" in html
    assert "app of B" not in html


def test_filtering_by_another_owner_finds_nothing(both: list[Any], alice: Client) -> None:
    assert ids(html_of(alice, f"{EVENTS}?owner={both[1].owner_id}")) == []
    assert ids(html_of(alice, f"{EVENTS}?source={both[1].source_id}")) == []
    assert ids(html_of(alice, f"{EVENTS}?q={both[1].pk}")) == []


def test_an_operator_sees_all_events(both: list[Any], operator: Client) -> None:
    assert len(ids(html_of(operator, EVENTS))) == 5


def test_a_person_without_memberships_may_not_see_the_list(both: list[Any], charlie: Client) -> None:
    assert charlie.get(EVENTS).status_code == 403


def test_a_person_without_memberships_is_told_whom_to_ask(charlie: Client) -> None:
    html = html_of(charlie, "/admin/")
    assert "member of any owner yet" in html
    assert f'href="{EVENTS}"' not in html


def test_anonymous_visitors_are_redirected_to_the_login(db: None, client: Client) -> None:
    response = client.get(EVENTS)
    assert (response.status_code, response["Location"]) == (302, f"/admin/login/?next={EVENTS}")


def test_logging_in_without_a_target_leads_to_the_first_page(db: None, client: Client) -> None:
    User.objects.create_user("ada", password="analytical engine", is_staff=True)
    response = client.post("/admin/login/", {"username": "ada", "password": "analytical engine"})
    assert (response.status_code, response["Location"]) == (302, "/admin/")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("kind=log", 2),
        ("kind=ui_action", 1),
        ("dialect=buildless", 1),
        ("kind=log&dialect=availity", 0),
        ("kind=nonsense", 0),
        ("kind=log,ui_action", 3),
        ("kind=log,nonsense", 0),
        ("version=1.0,", 0),
        ("version=(overflow)", 0),
        ("version=(overflow),%00", 0),
        ("country=%00,", 0),
        ("q=LOG:1&period=today", 1),
        ("q=surprise:1&period=yesterday", 0),
        ("period=today", 4),
        ("period=yesterday", 0),
        ("q=123-456-789", 1),
        ("q=no-such-session", 0),
        ("owner=&kind=&source=&dialect=&period=", 4),
        ("session=123-456-789", 1),
        ("session=nonsense", 0),
        ("actor=u1", 2),
        ("actor=u1&kind=ui_action", 0),
        ("device=%00", 0),
        ("device=d1", 2),
        ("since=2020-01-01T00:00&until=2100-01-01T00:00", 4),
        ("until=2020-01-01T00:00", 0),
        ("since=yesterday", 0),
        ("until=0001-01-01T00:00%2B14:00", 0),
        ("q=LOG:1", 1),
        ("q=u1", 2),
        ("q=d1", 2),
        ("q=surprise:1", 1),
        ("q=surprise:2", 0),
        ("q=edata.odd:true", 1),
        ("extra.edata.odd=true", 1),
        ("extra.surprise__gte=1&kind=log", 1),
        ("object_id__isnull=yes", 4),
        ("object_id__isnull=perhaps", 0),
        ("environment__in=home,shell", 2),
        ("level=INFO", 2),
        ("level=INFO&kind=log", 2),
        ("level=INFO&kind=ui_action", 0),
        ("level=INFO&received_since=2020-01-01", 2),
        ("context.event=started", 1),
        ("occurred_after=2020-01-01&actor=u1", 2),
        ("object_type=", 4),
        ("q=surprise:NaN", 0),
    ],
)
def test_filters_narrow_the_list(team_a: Sender, operator: Client, query: str, count: int) -> None:
    odd = log_event("LOG:2", surprise=1)
    odd["edata"] = {**odd["edata"], "odd": True}
    team_a.batch(log_event("LOG:1"), odd)
    team_a.post(AVAILITY, message(owner="Team A"))
    team_a.post(EMIT, emitted())
    file_all()
    assert len(ids(html_of(operator, f"{EVENTS}?{query}"))) == count


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("PLAYER-204", ["ERROR:1"]),
        ("err:PLAYER-204", ["ERROR:1"]),
        ("edata.err:PLAYER-204", ["ERROR:1"]),
        ("course-detail", ["IMPRESSION:1"]),
        ("pageid:course-detail", ["IMPRESSION:1"]),
        ("type:course-detail", []),
        ("edata.metric1:1", ["METRICS:1"]),
        ("metric1:1", ["METRICS:1"]),
        ("metric1:2", []),
        ("extra.edata.metric1:1", ["METRICS:1"]),
        ("metric1__gte:1", ["METRICS:1"]),
        ("metric1__gt:1", []),
        ("kind:error", ["ERROR:1"]),
        ("kind__in:error,metrics", ["METRICS:1", "ERROR:1"]),
        ("eid:ERROR", ["ERROR:1"]),
        ("object_id:do_1", ["LOG:1"]),
        ("object.id:do_1", ["LOG:1"]),
        ("err__contains:LAYER", ["ERROR:1"]),
        ("errtype__isnull:false", ["ERROR:1"]),
        ("correlation.id:batch-5", ["LOG:2"]),
        ("metric1:true", []),
        ("etric1:1", []),
        ("deep.er:x", ["LOG:1"]),
        ("er:x", ["LOG:1"]),
        ('odd"key:"x"', []),
        ('odd"key:x', ["LOG:1"]),
        ("a.b.c.d:[1]", ["LOG:1"]),
        ("do_1:x", []),
        ("do_1", ["LOG:1"]),
        ("duration:1e400", []),
    ],
)
def test_a_search_finds_events_by_what_they_are_about(
    team_a: Sender, operator: Client, term: str, found: list[str]
) -> None:
    odd = {"deep": {"er": "x"}, 'odd"key': "x", "a": {"b": {"c": {"d": [1]}}}}
    team_a.batch(
        log_event("LOG:1", object={"id": "do_1", "type": "Content"}, unknown=odd, **odd),
        log_event("LOG:2", context=log_event()["context"] | {"cdata": [{"type": "B", "id": "batch-5"}]}),
        log_event("ERROR:1", eid="ERROR", edata={"err": "PLAYER-204", "errtype": "X", "stacktrace": "y"}),
        log_event(
            "IMPRESSION:1", eid="IMPRESSION", edata={"type": "view", "pageid": "course-detail", "uri": "/"}
        ),
        log_event("METRICS:1", eid="METRICS", edata={"metric1": 1}),
    )
    file_all()
    pks = ids(html_of(operator, f"{EVENTS}?{urlencode({'q': term})}"))
    names = Event.objects.filter(pk__in=pks).values_list("client_event_id", flat=True)
    assert sorted(map(str, names)) == sorted(found)


def test_several_values_of_a_filter_are_offered_as_one_more_choice(
    both: list[Any], operator: Client, alice: Client
) -> None:
    owners = ",".join(str(event.owner_id) for event in both)
    html = html_of(operator, f"{EVENTS}?owner={owners}")
    assert len(ids(html)) == 5
    assert f'<option value="{owners}" selected>Team A, Team B</option>' in html
    assert "owner: Team A, Team B" in html
    assert ids(html_of(alice, f"{EVENTS}?owner={owners}")) == [], "one of them isn't hers"


def test_an_event_is_found_by_its_id(both: list[Any], operator: Client) -> None:
    assert ids(html_of(operator, f"{EVENTS}?q={both[1].pk}")) == [str(both[1].pk)]


def test_events_are_found_by_a_session_id_that_is_a_uuid(team_a: Sender, alice: Client) -> None:
    own = "0f8fad5b-d9cb-469f-a165-70867728950e"
    event = filed(team_a, log_event(context=log_event()["context"] | {"sid": own}))
    assert ids(html_of(alice, f"{EVENTS}?q={own}")) == [str(event.pk)]


def test_active_filters_are_shown_as_chips_that_remove_them(team_a: Sender, alice: Client) -> None:
    filed(team_a, log_event())
    html = html_of(alice, f"{EVENTS}?kind=log&period=7d")
    assert 'href="?period=7d" title="Remove this filter">kind: log' in html
    assert 'href="?kind=log" title="Remove this filter">time: last 7 days' in html


def test_times_are_entered_in_the_zone_that_the_form_names(team_a: Sender, alice: Client) -> None:
    event = filed(team_a, log_event())
    minute = event.occurred_at.replace(second=0, microsecond=0)
    within = f"since={minute:%Y-%m-%dT%H:%M}&until={minute + timedelta(minutes=1):%Y-%m-%dT%H:%M}"
    assert ids(html_of(alice, f"{EVENTS}?{within}")) == [str(event.pk)]
    html = html_of(alice, f"{EVENTS}?until={minute:%Y-%m-%dT%H:%M}")
    assert ids(html) == []
    assert "From (UTC)" in html
    assert f'title="Remove this filter">before: {minute:%Y-%m-%dT%H:%M}' in html


def test_events_filtered_by_receipt_are_listed_in_order_of_receipt(team_a: Sender, alice: Client) -> None:
    new = filed(team_a, log_event("now"))
    late = log_event("late", ets=now_ms() - 3 * 86_400_000)
    team_a.batch(late)
    file_all()
    hour = new.received_at.replace(minute=0, second=0, microsecond=0)
    within = f"received_since={hour:%Y-%m-%dT%H:%M}&received_until={hour + timedelta(hours=2):%Y-%m-%dT%H:%M}"
    html = html_of(alice, f"{EVENTS}?{within}")
    assert ids(html) == [str(Event.objects.latest("received_at").pk), str(new.pk)]
    assert "Received (UTC)" in html
    assert f'title="Remove this filter">received from: {hour:%Y-%m-%dT%H:%M}' in html
    assert ids(html_of(alice, f"{EVENTS}?{within}&kind=page")) == []
    assert ids(html_of(alice, f"{EVENTS}?received_until={hour:%Y-%m-%dT%H:%M}")) == []
    assert ids(html_of(alice, f"{EVENTS}?received_since=soon")) == []
    assert "Received (UTC)" not in html_of(alice, EVENTS)


def test_paging_by_receipt_forward_and_back_shows_each_event_once(
    both: list[Any], team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventAdmin, "list_per_page", 3)
    monkeypatch.setattr("events.lib.paging.WINDOWS", (2, 3))
    for count in (4, 1, 6):  # events of a batch have the same time of receipt
        team_a.batch(*many(count, f"app {count}"))
    file_all()
    events = Event.objects.filter(owner=team_a.key.default_owner)
    expected = [str(pk) for pk in events.order_by("-received_at", "-pk").values_list("pk", flat=True)]
    last = path = f"{EVENTS}?received_since=2020-01-01T00:00"
    forth: list[str] = []
    while path:
        html = html_of(alice, path)
        forth += ids(html)
        last, path = path, link(html, "next") or ""
    assert forth == expected
    back: list[str] = []
    path = last
    while path:
        html = html_of(alice, path)
        back = ids(html) + back
        path = link(html, "prev") or ""
    assert back == expected


def test_an_incomplete_page_says_how_far_back_it_searched(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.lib.paging.WINDOWS", (2, 3))
    filed(team_a, *many(12), log_event("other", ets=now_ms() - 3_600_000, actor={"id": "x", "type": "User"}))
    path: str | None = f"{EVENTS}?actor=x"
    html = html_of(alice, f"{EVENTS}?actor=x")
    assert ids(html) == []
    assert "Searched events back to" in html
    found = []
    while path:
        html = html_of(alice, path)
        found += ids(html)
        path = link(html, "next")
    assert len(found) == 1
    assert "Searched events back to" not in html


@pytest.mark.parametrize("query", ["owner__contact__startswith=a", "regions=DE", "e=1&dialect__gt=a"])
def test_other_columns_cannot_be_filtered_by(team_a: Sender, alice: Client, query: str) -> None:
    filed(team_a, log_event())
    name = query.rpartition("&")[2].partition("=")[0]
    html = html_of(alice, f"{EVENTS}?{query}")
    assert f"This list has no filter “{name}”. The list ignores it." in html
    assert len(ids(html)) == 1
    assert f"{name}=" not in html, "links on the page drop it"
    refused = alice.get(f"{EVENTS}export.csv?{query}")
    assert (refused.status_code, refused.content.decode()) == (400, f"This list has no filter “{name}”.")


def test_an_invalid_choice_is_named(team_a: Sender, alice: Client) -> None:
    filed(team_a, log_event())
    assert "Kind: “maybe” is none of the choices." in html_of(alice, f"{EVENTS}?kind=maybe")


@pytest.mark.parametrize(
    "query",
    [
        "after=nonsense",
        "before=1",
        "received_since=2020-01-01&after=1",
        "received_since=2020-01-01&after=2020-01-01~1",
        "received_since=2020-01-01&after=2020-01-01~0f8fad5b-d9cb-469f-a165-70867728950e",
    ],
)
def test_an_invalid_cursor_redirects_to_the_list(team_a: Sender, alice: Client, query: str) -> None:
    response = alice.get(f"{EVENTS}?{query}")
    assert (response.status_code, response["Location"]) == (302, f"{EVENTS}?e=1")


def test_paging_forward_and_back_shows_each_event_once(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventAdmin, "list_per_page", 3)
    filed(team_a, *many(10))
    path: str | None = f"{EVENTS}?kind=log"
    last = None
    forth = []
    while path:
        html = html_of(alice, path)
        forth.append(ids(html))
        last, path = path, link(html, "next")
    everything = [one for page in forth for one in page]
    assert [len(page) for page in forth] == [3, 3, 3, 1]
    assert everything == sorted(everything, reverse=True)
    assert len(set(everything)) == 10

    back = []
    path = last
    while path:
        html = html_of(alice, path)
        back.append(ids(html))
        path = link(html, "prev")
    assert back == forth[::-1]


def test_the_first_page_is_full_even_if_newer_events_have_arrived(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventAdmin, "list_per_page", 3)
    filed(team_a, *many(4))
    first = html_of(alice, EVENTS)
    newer = filed(team_a, log_event("newer", ets=now_ms() + 5000))
    html = html_of(alice, f"{EVENTS}?before={ids(first)[0]}")
    assert ids(html) == [str(newer.pk), *ids(first)[:2]]
    assert link(html, "prev") is None


def statements(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        html_of(client, path)
    return [query["sql"] for query in captured.captured_queries]


def test_the_list_takes_the_same_number_of_queries_for_any_length(
    team_a: Sender, alice: Client, django_assert_max_num_queries: Any
) -> None:
    filed(team_a, log_event())
    one = len(statements(alice, EVENTS))
    filed(team_a, *many(30))
    with django_assert_max_num_queries(LIMIT):
        assert len(ids(html_of(alice, EVENTS))) == 31
    assert len(statements(alice, EVENTS)) == one


@pytest.mark.parametrize("query", ["", "?period=30d", "?since=2026-01-01T00:00", "?session=s1"])
def test_the_list_reads_events_in_one_query_without_join_count_or_offset(
    team_a: Sender, alice: Client, operator: Client, query: str
) -> None:
    filed(team_a, *many(5))
    for client in (alice, operator):
        asked = [sql for sql in statements(client, EVENTS + query) if 'FROM "events_event"' in sql]
        assert len(asked) == 1
        assert not re.search(r"\bCOUNT\(|\bOFFSET\b|\bJOIN\b", asked[0], re.IGNORECASE)


def test_an_empty_list_says_how_to_send_the_first_event(team_a: Sender, alice: Client) -> None:
    html = html_of(alice, EVENTS)
    assert "No events yet" in html
    assert "create_key" in html
    assert "curl http" in html


def test_the_example_event_of_the_empty_list_is_accepted(team_a: Sender, alice: Client) -> None:
    from events.admin.events import FIRST_EVENT

    body = FIRST_EVENT.replace("'$(date +%s000)'", str(now_ms()))
    assert team_a.post("/v1/telemetry", body).status_code == 200
    file_all()
    assert len(ids(html_of(alice, EVENTS))) == 1


def test_a_list_that_filters_leave_empty_says_so(team_a: Sender, alice: Client) -> None:
    filed(team_a, log_event())
    assert "No matches" in html_of(alice, f"{EVENTS}?kind=share")


def test_hostile_text_is_escaped_in_the_list(team_a: Sender, alice: Client) -> None:
    filed(team_a, log_event(actor={"id": '<script>"x"</script>', "type": "User"}))
    html = html_of(alice, EVENTS)
    assert "<script>&quot;x" not in html
    assert '<script>"x' not in html
    assert "&lt;script&gt;&quot;x" in html
