"""Events in the read API: visibility, filters by stable names, keyset pages."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.event import Event
from events.identity import moment
from events.lib import paging
from events.ownership.api_key import KeyType
from events.ownership.owner import Membership
from events.store.details import as_wire
from tests.sending import (
    AVAILITY,
    EMIT,
    MakeSender,
    Sender,
    emitted,
    file_all,
    log_event,
    message,
    now_ms,
)

EVENTS = "/api/v1/events/"
FIELDS = {
    "id",
    "dialect",
    "kind",
    "owner",
    "source",
    "session",
    "actor",
    "device",
    "client_event_id",
    "occurred_at",
    "received_at",
    "ingested_at",
}


def get(client: Client, url: str, key: str = "", **params: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.get(url, params, headers=headers)


def rows_read(plan: dict[str, Any]) -> int:
    """Return the number of rows a plan reads, including those a filter discards."""
    below = plan.get("Plans", ())
    if "Relation Name" in plan and not below:
        return int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    return sum(map(rows_read, below))


def ids(client: Client, key: str, **params: Any) -> list[str]:
    response = get(client, EVENTS, key, **params)
    assert response.status_code == 200, response.content
    return [event["client_event_id"] for event in response.json()["results"]]


def test_an_event_has_the_envelopes_fields_under_stable_names(sender: Sender, client: Client) -> None:
    sender.batch(log_event())
    file_all()
    (event,) = get(client, EVENTS, sender.text).json()["results"]
    assert set(event) == FIELDS
    assert (event["owner"], event["source"], event["kind"]) == ("YourTeam", "portal", "log")
    detail = get(client, f"{EVENTS}{event['id']}/", sender.text).json()
    assert set(detail) == {each.name for each in Event._meta.concrete_fields} | {"fields", "wire"}
    assert detail["fields"]["message"] == "started"
    assert detail["wire"] == as_wire(Event.objects.get())


FILTERS = {
    "kind": "log",
    "owner": "yourteam",
    "source": "Portal",
    "session": "s1",
    "actor": "u1",
    "device": "d1",
    "dialect": "sunbird",
    "client_event_id": "LOG:1",
}


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_finds_matching_events(sender: Sender, client: Client, name: str) -> None:
    sender.batch(log_event("LOG:1"))
    sender.post(AVAILITY, message(owner="Other", sessionId="other"))
    sender.post(EMIT, emitted())
    file_all()
    found = ids(client, sender.text, **{name: FILTERS[name]})
    expected = {"LOG:1", "abcdefghij0123456789"} if name == "owner" else {"LOG:1"}
    assert set(found) == expected
    assert (
        ids(client, sender.text, **{name: "log" if name == "nothing" else FILTERS[name], "actor": "nobody"})
        == []
    )


def test_events_are_filtered_by_occurrence_and_receipt(sender: Sender, client: Client) -> None:
    base = now_ms() - 10_000
    sender.batch(*(log_event(str(n), ets=base + n * 1_000) for n in range(5)))
    file_all()
    between = {
        "occurred_after": moment(base + 1_000).isoformat(),
        "occurred_before": moment(base + 3_000).isoformat(),
    }
    assert ids(client, sender.text, **between) == ["2", "1"]
    later = (timezone.now() + timedelta(minutes=1)).isoformat()
    assert ids(client, sender.text, received_after=later) == []
    assert len(ids(client, sender.text, received_before=later)) == 5


@pytest.mark.parametrize(
    "params",
    [
        {"kind": "nope"},
        {"dialect": "x"},
        {"occurred_after": "yesterday"},
        {"ordering": "actor"},
        {"owner": "a\x00"},
    ],
)
def test_an_invalid_filter_is_refused(sender: Sender, client: Client, params: dict[str, str]) -> None:
    assert get(client, EVENTS, sender.text, **params).status_code == 400


@pytest.mark.parametrize("ordering", ["-id", "received_at"])
def test_paging_forward_and_back_shows_each_event_once(sender: Sender, client: Client, ordering: str) -> None:
    base = now_ms()
    sender.batch(*(log_event(f"{n:02d}", ets=base - n) for n in range(7)))
    sender.batch(*(log_event(f"{n:02d}", ets=base - n) for n in range(7, 10)))
    file_all()
    page = get(client, EVENTS, sender.text, ordering=ordering, page_size=3).json()
    assert page["previous"] is None
    pages = [page]
    while pages[-1]["next"]:
        pages.append(get(client, pages[-1]["next"], sender.text).json())
    seen = [event["client_event_id"] for each in pages for event in each["results"]]
    assert (len(seen), len(set(seen)), len(pages)) == (10, 10, 4)
    if ordering == "-id":
        assert seen == sorted(seen)
    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(get(client, back[-1]["previous"], sender.text).json())
    assert [each["results"] for each in reversed(back)] == [each["results"] for each in pages]


@pytest.mark.parametrize("cursor", ["x", "W10=", "WyJhIl0=", "bnVsbA==", "WzAsIngiXQ=="])
def test_an_invalid_cursor_is_refused(sender: Sender, client: Client, cursor: str) -> None:
    assert get(client, EVENTS, sender.text, cursor=cursor).status_code == 400


def test_a_publishable_key_cannot_read(make_sender: MakeSender, client: Client) -> None:
    key = make_sender().text
    assert get(client, EVENTS, key).status_code == 403
    assert get(client, "/api/v1/rejected/", key).status_code == 403


def test_without_a_key_or_a_session_the_response_is_401(db: None, client: Client) -> None:
    assert get(client, EVENTS).status_code == 401
    assert get(client, EVENTS, "tally_sk_junk").status_code == 401


def test_a_secret_key_reads_only_owners_it_may_write_for(make_sender: MakeSender, client: Client) -> None:
    alice, bob = make_sender("A", kind=KeyType.SECRET), make_sender("B", kind=KeyType.SECRET)
    stranger = make_sender("A", kind=KeyType.SECRET, organization_slug="elsewhere", owners="all")
    wide = make_sender("C", kind=KeyType.SECRET, owners="all")
    alice.batch(log_event("of A"), {"eid": "bad of A"})
    bob.batch(log_event("of B"))
    file_all()
    found = {each.text: set(ids(client, each.text)) for each in (alice, bob, wide, stranger)}
    assert found == {
        alice.text: {"of A"},
        bob.text: {"of B"},
        wide.text: {"of A", "of B"},
        stranger.text: set(),
    }
    event = Event.objects.get(client_event_id="of A")
    assert get(client, f"{EVENTS}{event.pk}/", bob.text).status_code == 404
    assert len(get(client, "/api/v1/rejected/", alice.text).json()["results"]) == 1
    assert get(client, "/api/v1/rejected/", bob.text).json()["results"] == []


def test_a_person_reads_owners_they_are_a_member_of(make_sender: MakeSender, client: Client) -> None:
    alice, bob = make_sender("A"), make_sender("B")
    alice.batch(log_event("of A"))
    bob.batch(log_event("of B"))
    file_all()
    person = User.objects.create_user("alice")
    Membership.objects.create(user=person, owner=alice.key.default_owner)
    client.force_login(person)
    assert ids(client, "") == ["of A"]
    client.force_login(User.objects.create_user("charlie"))
    assert ids(client, "") == []


def test_the_list_takes_the_same_number_of_queries_for_any_length(
    sender: Sender, client: Client, django_assert_num_queries: Any
) -> None:
    for count in (1, 30):
        sender.batch(*(log_event(f"{count}-{n}") for n in range(count)))
        file_all()
        # The key, its owners, the page, the rows' owners and sources, and since when rows are kept.
        with django_assert_num_queries(6):
            get(client, EVENTS, sender.text)


def test_rejected_events_are_listed_with_their_reason_and_can_be_filtered(
    sender: Sender, client: Client
) -> None:
    sender.batch({"eid": "NOPE", "mid": "m1"}, log_event(ets="x"))
    file_all()
    results = get(client, "/api/v1/rejected/", sender.text, code="unknown_kind").json()["results"]
    assert [(found["client_event_id"], found["path"], found["seen"]) for found in results] == [
        ("m1", "eid", 1)
    ]
    assert set(results[0]) == {
        "id",
        "code",
        "path",
        "message",
        "client_event_id",
        "dialect",
        "kind",
        "owner",
        "source",
        "received_at",
        "last_received_at",
        "seen",
        "encoding",
        "strict",
    }
    by_owner = get(client, "/api/v1/rejected/", sender.text, owner="yourteam", dialect="sunbird").json()
    assert len(by_owner["results"]) == 2


@pytest.mark.parametrize("windows", [paging.WINDOWS, (2, 3, 4), (1, 1, 1)])
def test_filters_without_an_index_search_in_windows(
    sender: Sender, client: Client, monkeypatch: pytest.MonkeyPatch, windows: tuple[int, ...]
) -> None:
    monkeypatch.setattr(paging, "WINDOWS", windows)
    base = now_ms()
    for n in range(20):
        sender.batch(log_event(f"{n:02d}", ets=base - n, actor={"id": "ab"[n % 2], "type": "User"}))
    file_all()
    page = get(client, EVENTS, sender.text, page_size=3, actor="b").json()
    seen = page["results"]
    while page["next"]:
        page = get(client, page["next"], sender.text).json()
        seen += page["results"]
    assert [event["client_event_id"] for event in seen] == [f"{n:02d}" for n in range(1, 20, 2)]
    page = get(client, EVENTS, sender.text, actor="b", ordering="received_at").json()
    as_they_arrived = page["results"]
    while page["next"]:
        page = get(client, page["next"], sender.text).json()
        as_they_arrived += page["results"]
    assert [event["client_event_id"] for event in as_they_arrived] == [f"{n:02d}" for n in range(1, 20, 2)]


EVENTS_STORED = 60_000  # several times as many rows as a page may read
# Rows as filing would write them, as far as lists read them: one a second, every fourth of another owner.
FILL = """
INSERT INTO events_event (id, dialect, kind, owner_id, source_id, actor,
                          occurred_at, received_at, ingested_at, billed_bytes, wire_bytes)
SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || '8' || left(md5(g::text), 3)
        || '8' || right(md5(g::text), 15))::uuid,
       'sunbird', 'log', CASE WHEN g %% 4 = 0 THEN %s ELSE %s END, %s, 'u' || g, t, t, t, 1, 1
FROM (SELECT g, now() - g * interval '1 second' AS t FROM generate_series(1, %s) g) moments
"""


@pytest.mark.parametrize(
    ("url", "bound"),
    [
        (EVENTS, 1_000),
        (f"{EVENTS}?ordering=received_at", 1_000),
        (f"{EVENTS}?kind=log", 2_000),
        (f"{EVENTS}?actor=nobody", 25_000),
        (f"{EVENTS}?client_event_id=nothing", 25_000),
        (f"{EVENTS}?object_id=nothing&ordering=received_at", 25_000),
        (f"{EVENTS}?tags=nothing&extra.edata.odd__gte=1", 25_000),
        (f"{EVENTS}?pageid=nothing", 40_000),  # for each envelope, the row of its kind
        (f"{EVENTS}?kind=log&level=nothing", 40_000),
        ("/api/v1/kinds/log/", 10_000),
    ],
)
def test_a_page_reads_a_bounded_number_of_rows(
    make_sender: MakeSender, client: Client, url: str, bound: int
) -> None:
    alice, bob = make_sender("A", kind=KeyType.SECRET), make_sender("B", kind=KeyType.SECRET)
    alice.batch(log_event())
    file_all()
    event = Event.objects.get()
    with connection.cursor() as cursor:
        owners = [bob.key.default_owner_id, alice.key.default_owner_id]
        cursor.execute(FILL, [*owners, event.source_id, EVENTS_STORED])
        cursor.execute("INSERT INTO events_log (id) SELECT id FROM events_event ON CONFLICT DO NOTHING")
        cursor.execute("ANALYZE events_event")
        cursor.execute("ANALYZE events_log")
    with CaptureQueriesContext(connection) as captured:
        assert get(client, url, alice.text).status_code == 200
    read, plans = 0, []
    for statement in (query["sql"] for query in captured.captured_queries):
        if 'FROM "events_event"' in statement or 'FROM "events_log"' in statement:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".replace("%", "%%"))
                plan = cursor.fetchone()[0]
            (root,) = json.loads(plan) if isinstance(plan, str) else plan
            plans.append(json.dumps(root, indent=1))
            read = max(read, rows_read(root["Plan"]))
    assert 0 < read < bound, plans
