"""The change feed over HTTP: following the cursor returns every change once, and new ones as they come."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.ownership.api_key import KeyType
from events.ownership.owner import Membership
from tests.sending import MakeSender, Sender, file_all, log_event, now_ms
from tests.summarising import summarise_sessions
from tests.wire import samples

CHANGES = "/api/v1/changes/"
BAD = {"eid": "NOPE", "mid": "bad 1"}


def ask(client: Client, key: str = "", **params: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    response = client.get(CHANGES, params, headers=headers)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    assert set(answer) == {"results", "next_cursor"}
    return answer


def follow(client: Client, key: str, after: str = "", **params: Any) -> tuple[list[dict[str, Any]], str]:
    """Read until there is nothing new. Return the results and the last cursor."""
    found: list[dict[str, Any]] = []
    while True:
        answer = ask(client, key, after=after, **params)
        found += answer["results"]
        if answer["next_cursor"] == after:
            return found, after
        after = answer["next_cursor"]


def mids(results: list[dict[str, Any]]) -> list[str]:
    return [each["client_event_id"] for each in results]


def test_following_the_cursor_returns_every_event_once(sender: Sender, client: Client) -> None:
    empty = ask(client, sender.text)
    assert empty["results"] == []
    events = [log_event(f"m{number}") for number in range(7)]
    sender.batch(*events)
    file_all()
    first, cursor = follow(client, sender.text, empty["next_cursor"], limit=3)
    assert sorted(mids(first)) == [f"m{number}" for number in range(7)]
    assert ask(client, sender.text, after=cursor) == {"results": [], "next_cursor": cursor}
    sender.batch(events[6], log_event("later"))
    file_all()
    second, _ = follow(client, sender.text, cursor)
    assert mids(second) == ["later"], "what was there already isn't new"


@pytest.mark.parametrize("limit", [1, 2, 3, 1_000])
def test_every_limit_gives_the_same_order(sender: Sender, client: Client, limit: int) -> None:
    for block in range(3):
        sender.batch(*(log_event(f"{block} {number}") for number in range(3)))
        file_all()
    whole, _ = follow(client, sender.text)
    assert follow(client, sender.text, limit=limit)[0] == whole
    assert len(whole) == 9


def test_now_starts_with_the_next_filed_event(sender: Sender, client: Client) -> None:
    sender.batch(log_event("before"))
    file_all()
    cursor = ask(client, sender.text, after="now", limit=1)["next_cursor"]
    sender.batch(log_event("after"))
    file_all()
    assert mids(follow(client, sender.text, cursor)[0]) == ["after"]


def test_a_result_has_the_fields_of_an_event(sender: Sender, client: Client) -> None:
    sender.batch(log_event())
    file_all()
    (result,) = ask(client, sender.text)["results"]
    listed = client.get("/api/v1/events/", headers={"Authorization": f"Bearer {sender.text}"}).json()
    assert [result] == listed["results"]
    assert ask(client, sender.text, fields="id,kind")["results"] == [{"id": result["id"], "kind": "log"}]


def test_a_reader_sees_only_changes_of_its_owners(make_sender: MakeSender, client: Client) -> None:
    ours, theirs = (make_sender(name, kind=KeyType.SECRET) for name in ("A", "B"))
    for sender, mid in ((ours, "ours"), (theirs, "theirs")):
        sender.batch(log_event(mid), BAD)
        file_all()
    summarise_sessions()
    for kind, count in (("events", 1), ("rejected", 1), ("sessions", 1)):
        results, _ = follow(client, ours.text, kind=kind)
        assert [result["owner"] for result in results] == ["A"] * count
    assert ask(client, ours.text, owner="B")["results"] == []
    member = User.objects.create_user("member")
    Membership.objects.create(user=member, owner=theirs.key.default_owner)
    client.force_login(member)
    assert mids(ask(client)["results"]) == ["theirs"]
    client.force_login(User.objects.create_superuser("operator"))
    assert mids(ask(client)["results"]) == ["ours", "theirs"]
    assert mids(ask(client, owner="b")["results"]) == ["theirs"]


def test_changes_can_be_limited_to_one_kind(sender: Sender, client: Client) -> None:
    sender.batch(log_event("m1"), samples.complete("audit", ms=now_ms()), log_event("m2"))
    file_all()
    results, _ = follow(client, sender.text, kind="log", limit=1)
    assert sorted(mids(results)) == ["m1", "m2"]


def test_filters_and_fields_work_as_in_the_list_of_events(sender: Sender, client: Client) -> None:
    sender.batch(
        *(log_event(f"m{number}", actor={"id": f"u{number % 3}", "type": "User"}) for number in range(9))
    )
    file_all()
    results, _ = follow(client, sender.text, limit=2, actor="u1", fields="client_event_id,edata.message")
    assert sorted(mids(results)) == ["m1", "m4", "m7"]
    assert {result["edata.message"] for result in results} == {"started"}
    sender.batch({**BAD, "mid": "other"}, BAD)
    file_all()
    rejected, _ = follow(client, sender.text, kind="rejected", client_event_id="other")
    assert mids(rejected) == ["other"]


def test_rejected_events_appear_whenever_they_are_rejected(sender: Sender, client: Client) -> None:
    sender.batch(BAD)
    file_all()
    results, cursor = follow(client, sender.text, kind="rejected")
    assert mids(results) == ["bad 1"]
    sender.batch(BAD)
    file_all()
    (again,), _ = follow(client, sender.text, cursor, kind="rejected")
    assert again["seen"] == 2
    assert follow(client, sender.text)[0] == []


def test_a_session_appears_whenever_its_summary_changes(sender: Sender, client: Client) -> None:
    sender.batch(log_event("m1"))
    file_all()
    summarise_sessions()
    (session,), cursor = follow(client, sender.text, kind="sessions")
    assert session["events"] == 1
    for mid in ("m2", "m3"):
        sender.batch(log_event(mid))
        file_all()
        summarise_sessions()
    results = ask(client, sender.text, after=cursor, kind="sessions")["results"]
    assert [result["events"] for result in results] == [3], "once in a page, as it is now"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"after": "x"}, "bad_cursor"),
        ({"after": "MS4x LjA="}, "bad_cursor"),
        ({"limit": 0}, "bad_parameter"),
        ({"limit": "1001"}, "bad_parameter"),
        ({"kind": "nope"}, "bad_parameter"),
        ({"cursor": ""}, "unknown_parameter"),
        ({"fields": "nope"}, "bad_parameter"),
    ],
)
def test_odd_parameters_are_refused(sender: Sender, client: Client, params: Any, code: str) -> None:
    response = client.get(CHANGES, params, headers={"Authorization": f"Bearer {sender.text}"})
    assert (response.status_code, response.json()["code"]) == (400, code)
