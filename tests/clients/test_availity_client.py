"""Availity's own client under Node: its forms are stored and returned, with the key passed in either way."""

import json
from typing import Any

import pytest

from events.ownership import provisioning
from events.ownership.api_key import ApiKey, KeyType
from events.ownership.owner import Owner
from events.store.details import detail_of
from tests.clients.filed import Filed
from tests.clients.npm import Clients
from tests.clients.recorder import Recorder

CREATED = {"status": 201, "data": ""}
URL = "https://app.example/claims?id=1&of=2#top"
CLICK = {
    "customerId": "1194",
    "payerId": "BCBSF",
    "level": "warn",
    "action": "click",
    "event": "submit",
    "label": "Search & submit + 50 % = “done” ✓",
    "category": "claims",
    "url": URL,
}


def message(entries: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Return the message that the plugin builds from an event's properties."""
    common = {"contact": "claims@example.com", "source_system": "claim-status", "version": "v1"}
    body = {"level": others.pop("level", "info"), "entries": entries}
    return {**common, "sessionId": "session-1", "owner": "Payments", "telemetryBody": body, **others}


@pytest.fixture
def track(clients: Clients, environment: dict[str, str]) -> Any:
    """A function that tracks events with the client and returns the responses."""

    def track(*properties: dict[str, Any] | str, way: str = "resource", key: str = "") -> Any:
        told = {**environment, "TALLY_KEY": key} if key else environment
        return clients.run("availity.mjs", way, json.dumps(properties), environment=told)

    return track


@pytest.mark.parametrize("way", ["resource", "header"])
def test_an_event_comes_back_as_it_was_tracked(track: Any, recorder: Recorder, way: str) -> None:
    answers = track(CLICK, way=way)
    (post,) = recorder.posts
    filed = Filed()

    assert answers == [CREATED]
    assert post.path.startswith("/ms/api/availity/internal/spc/analytics/telemetry")
    assert post.headers["content-type"] == "application/x-www-form-urlencoded"
    assert ("x-api-key" in post.headers, "?key=" in post.path) == (way == "header", way == "resource")
    entries = {name: CLICK[name] for name in ("action", "event", "label", "category", "url")}
    assert filed.wire == [message(entries, level="warn", customerId="1194", payerId="BCBSF")]
    assert (filed.rejected, filed.warnings) == ([], set())


def test_columns_hold_what_was_tracked(track: Any) -> None:
    track(CLICK)
    (event,) = Filed().events
    detail = vars(detail_of(event))

    assert (event.kind, event.dialect) == ("ui_action", "availity")
    assert (event.source.name, event.session, event.owner.name) == ("claim-status", "session-1", "Payments")
    assert (detail["customer_id"], detail["payer_id"], detail["level"]) == ("1194", "BCBSF", "warn")
    assert (detail["label"], detail["url"]) == (CLICK["label"], URL)


def test_the_owner_named_by_the_client_is_created(track: Any) -> None:
    track(CLICK)

    assert Owner.objects.get(name="Payments").contact == "claims@example.com"


def test_a_page_view_comes_back_as_it_was_tracked(track: Any) -> None:
    assert track("page view") == [CREATED]
    filed = Filed()

    entries = {"event": "page", "action": "load", "category": "claim-status", "label": "page-load"}
    entries["url"] = "https://app.example/#claims"
    assert filed.wire == [message(entries, customerId="0000")]
    assert filed.warnings == set()


def test_additional_entries_are_returned_with_their_structure(track: Any) -> None:
    tracked = {**CLICK, "tags": ["a", "b=c"], "nested": {"k": {"deep": 1.5}}, "flag": True, "empty": ""}
    track(tracked)
    (wire,) = Filed().wire
    entries = wire["telemetryBody"]["entries"]

    assert entries["tags"] == ["a", "b=c"]
    assert entries["nested"] == {"k": {"deep": "1.5"}}
    assert (entries["flag"], entries["empty"]) == ("true", "")


def test_every_object_of_a_list_is_kept(track: Any, recorder: Recorder) -> None:
    track({**CLICK, "rows": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}]})
    (wire,) = Filed().wire
    entries = wire["telemetryBody"]["entries"]

    assert entries["rows"] == [{"id": "1", "name": "x"}, {"id": "2", "name": "y"}]


def test_null_and_undefined_are_returned_as_sent(track: Any) -> None:
    without = {name: value for name, value in CLICK.items() if name not in ("customerId", "payerId", "level")}
    assert track({**without, "note": None}) == [CREATED]
    filed = Filed()

    (wire,) = filed.wire
    assert (wire["customerId"], wire["telemetryBody"]["entries"]["note"]) == ("undefined", "null")
    assert vars(detail_of(filed.events[0]))["customer_id"] is None
    assert filed.warnings == {("ui_action", "customerId", "missing")}


def test_an_event_tracked_twice_is_two_events(track: Any) -> None:
    assert track(CLICK, CLICK) == [CREATED, CREATED]

    assert len(Filed().events) == 2


def test_a_secret_key_in_the_resource_is_refused_and_marked(track: Any) -> None:
    secret = provisioning.key(
        organization_slug="acme", owner_name="Claims", kind=KeyType.SECRET, owners="all"
    )
    (answer,) = track(CLICK, key=secret.text)

    assert (answer["status"], answer["data"]["error"]["code"]) == (401, "secret_key_in_url")
    assert ApiKey.objects.get(pk=secret.key.pk).exposed_at is not None
    assert Filed().events == []


def test_a_key_that_may_not_write_for_the_owner_gets_an_error(track: Any) -> None:
    narrow = provisioning.key(organization_slug="acme", owner_name="Claims")
    (answer,) = track(CLICK, key=narrow.text)

    assert (answer["status"], answer["data"]["error"]["path"]) == (403, "owner")
    assert Filed().events == []
