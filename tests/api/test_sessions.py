"""Sessions in the read API: visibility, filters, their events, and their SUMMARY event."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.event import Event
from events.identity import moment
from events.kinds import KINDS
from events.ownership.api_key import KeyType
from events.ownership.owner import Membership
from events.sessions.session import Session, SessionRedirect
from events.sessions.summary_event import as_summary_event
from tests.api.test_events import get
from tests.sending import AVAILITY, MakeSender, Sender, file_all, log_event, message, now_ms
from tests.summarising import summarise_sessions
from tests.wire import samples

SESSIONS = "/api/v1/sessions/"
OLD = UUID("00000000-0000-8000-8000-000000000001")


def of_session(sid: str, number: int = 0, ets: int = 0, **context: Any) -> dict[str, Any]:
    """Return a LOG event of a session."""
    base = {"channel": "c1", "env": "home", "pdata": {"id": "portal"}, "sid": sid, "did": "d1"}
    return log_event(f"{sid}:{number}", ets=ets or now_ms() - 1000, context=base | context)


def filed(sender: Sender, *events: Any) -> None:
    sender.batch(*events)
    file_all()
    summarise_sessions()


def found(client: Client, key: str, **params: Any) -> list[str]:
    response = get(client, SESSIONS, key, **params)
    assert response.status_code == 200, response.content
    return [session["session"] for session in response.json()["results"]]


def test_a_session_has_measures_pages_and_counts(sender: Sender, client: Client) -> None:
    base = now_ms() - 60_000
    shown = samples.complete("impression", ms=base, mid="shown")
    touched = samples.complete("interact", ms=base + 12_340, mid="touched")
    filed(sender, shown, touched)
    (listed,) = get(client, SESSIONS, sender.text).json()["results"]
    assert (listed["owner"], listed["state"], listed["events"], listed["time_spent"]) == (
        "YourTeam",
        "open",
        2,
        12.34,
    )
    session = get(client, f"{SESSIONS}{listed['id']}/", sender.text).json()
    page = shown["edata"]["pageid"]
    assert session.items() >= listed.items()
    assert session["pages"] == [
        {
            "page": page,
            "type": shown["edata"]["type"],
            "environment": shown["context"]["env"],
            "time_spent": 12.34,
            "visits": 1,
        }
    ]
    assert session["environments"] == [
        {"environment": shown["context"]["env"], "time_spent": 12.34, "visits": 1}
    ]
    assert session["event_counts"] == [{"kind": "impression", "count": 1}, {"kind": "interact", "count": 1}]


def test_events_of_a_session_are_listed_in_order_in_pages(sender: Sender, client: Client) -> None:
    base = now_ms() - 10_000
    filed(sender, *(of_session("s1", n, base + n) for n in range(7)), of_session("s2"))
    session = Session.objects.get(session="s1")
    pages = [get(client, f"{SESSIONS}{session.pk}/events/", sender.text, page_size=3).json()]
    while pages[-1]["next"]:
        pages.append(get(client, pages[-1]["next"], sender.text).json())
    assert [[event["client_event_id"] for event in page["results"]] for page in pages] == [
        ["s1:0", "s1:1", "s1:2"],
        ["s1:3", "s1:4", "s1:5"],
        ["s1:6"],
    ]
    assert get(client, pages[-1]["previous"], sender.text).json()["results"] == pages[1]["results"]


@pytest.mark.parametrize(("query", "accepted"), [({}, False), ({"strict": "true"}, True)])
def test_a_session_can_be_read_as_a_summary_event(
    sender: Sender, client: Client, query: dict[str, str], accepted: bool
) -> None:
    filed(sender, of_session("s1"))
    session = Session.objects.get()
    event = get(client, f"{SESSIONS}{session.pk}/summary/", sender.text, **query).json()
    assert (event["eid"], event["context"]["sid"]) == ("SUMMARY", "s1")
    assert event == as_summary_event(session, strict=accepted)
    for strict, expected in ((False, True), (True, accepted)):
        fault = KINDS["summary"].held(strict=strict, encoding="json").validator.fault_of(event)
        assert (fault is None) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"owner": "yourteam"}, {"s1", "s2"}),
        ({"owner": "other"}, {"other"}),
        ({"source": "PORTAL"}, {"s1", "s2"}),
        ({"session": "s1"}, {"s1"}),
        ({"actor": "aka123"}, {"other"}),
        ({"device": "d2"}, {"s2"}),
        ({"device": "d2", "session": "s1"}, set()),
        ({"state": "open"}, {"s1", "other"}),
        ({"state": "idle"}, {"s2"}),
        ({"state": "final"}, set()),
    ],
)
def test_each_filter_finds_matching_sessions(
    sender: Sender, client: Client, query: dict[str, str], expected: set[str]
) -> None:
    sender.post(AVAILITY, message(owner="Other", sessionId="other"))
    filed(sender, of_session("s1"), of_session("s2", ets=now_ms() - 3_600_000, did="d2"))
    assert set(found(client, sender.text, **query)) == expected


def test_sessions_are_filtered_by_their_start(sender: Sender, client: Client) -> None:
    base = now_ms() - 100_000
    filed(sender, *(of_session(f"s{n}", ets=base + n * 1000) for n in range(5)))
    between = {"since": moment(base + 1000).isoformat(), "until": moment(base + 3000).isoformat()}
    assert found(client, sender.text, **between) == ["s2", "s1"]


@pytest.mark.parametrize("query", [{"state": "gone"}, {"since": "yesterday"}, {"owner": "a\x00"}])
def test_an_invalid_filter_is_refused(sender: Sender, client: Client, query: dict[str, str]) -> None:
    assert get(client, SESSIONS, sender.text, **query).status_code == 400


def test_paging_forward_and_back_shows_each_session_once(sender: Sender, client: Client) -> None:
    base = now_ms() - 10_000
    filed(sender, *(of_session(f"s{n}", ets=base + n // 4) for n in range(10)))
    pages = [get(client, SESSIONS, sender.text, page_size=3).json()]
    while pages[-1]["next"]:
        pages.append(get(client, pages[-1]["next"], sender.text).json())
    seen = [(row["started_at"], row["id"]) for page in pages for row in page["results"]]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 10
    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(get(client, back[-1]["previous"], sender.text).json())
    assert [page["results"] for page in reversed(back)] == [page["results"] for page in pages]


@pytest.mark.parametrize("cursor", ["x", "W10=", "WzAsIngiXQ==", "WzAsIngiLCJ5Il0="])
def test_an_invalid_cursor_is_refused(sender: Sender, client: Client, cursor: str) -> None:
    assert get(client, SESSIONS, sender.text, cursor=cursor).status_code == 400


@pytest.mark.parametrize(
    ("below", "query"),
    [("", {"fields": "id"}), ("events/", {"page_size": "7"}), ("summary/", {"strict": "true"})],
)
def test_a_former_id_redirects_to_the_current_session(
    sender: Sender, client: Client, below: str, query: dict[str, str]
) -> None:
    filed(sender, of_session("s1"))
    session = Session.objects.get()
    SessionRedirect.objects.create(old=OLD, current=session.pk)
    response = get(client, f"{SESSIONS}{OLD}/{below}", sender.text, **query)
    (asked,) = ("=".join(item) for item in query.items())
    assert response.status_code == 308
    assert response["Location"].endswith(f"{SESSIONS}{session.pk}/{below}?{asked}")
    assert get(client, response["Location"], sender.text).status_code == 200


@pytest.mark.parametrize("below", ["", "events/", "summary/"])
def test_neither_a_session_nor_its_former_id_is_found_without_access(
    make_sender: MakeSender, client: Client, below: str
) -> None:
    alice, bob = make_sender("A", kind=KeyType.SECRET), make_sender("B", kind=KeyType.SECRET)
    filed(alice, of_session("of A"))
    session = Session.objects.get()
    SessionRedirect.objects.create(old=OLD, current=session.pk)
    assert found(client, bob.text) == []
    for pk in (session.pk, OLD):
        assert get(client, f"{SESSIONS}{pk}/{below}", bob.text).status_code == 404
        assert get(client, f"{SESSIONS}{pk}/{below}").status_code == 401


def test_a_person_reads_sessions_of_their_owners(make_sender: MakeSender, client: Client) -> None:
    alice, bob = make_sender("A"), make_sender("B")
    alice.batch(of_session("of A"))
    filed(bob, of_session("of B"))
    person = User.objects.create_user("alice")
    Membership.objects.create(user=person, owner=alice.key.default_owner)
    client.force_login(person)
    assert found(client, "") == ["of A"]
    client.force_login(User.objects.create_user("charlie"))
    assert found(client, "") == []


def test_sessions_with_the_same_id_of_two_owners_are_separate(
    make_sender: MakeSender, client: Client
) -> None:
    alice, bob = make_sender("A", kind=KeyType.SECRET), make_sender("B", kind=KeyType.SECRET)
    alice.batch(of_session("shared"))
    filed(bob, of_session("shared", 1), of_session("shared", 2))
    session = Session.objects.get(owner=alice.key.default_owner)
    results = get(client, f"{SESSIONS}{session.pk}/events/", alice.text).json()["results"]
    assert [event["id"] for event in results] == [str(Event.objects.get(owner=alice.key.default_owner).pk)]


def test_a_publishable_key_cannot_read(make_sender: MakeSender, client: Client) -> None:
    assert get(client, SESSIONS, make_sender().text).status_code == 403


def test_the_list_takes_the_same_number_of_queries_for_any_length(
    sender: Sender, client: Client, django_assert_num_queries: Any
) -> None:
    for count in (1, 30):
        filed(sender, *(of_session(f"{count}-{n}") for n in range(count)))
        # The key, its owners, the page, the rows' owners and sources, and since when rows are kept.
        with django_assert_num_queries(6):
            get(client, SESSIONS, sender.text)


def test_an_unknown_id_is_not_found(sender: Sender, client: Client) -> None:
    assert get(client, f"{SESSIONS}{OLD}/", sender.text).status_code == 404
