"""Availity's messages: the published JSON, and the forms that the real client sends."""

from urllib.parse import quote

import pytest

from events.event import Event
from events.kinds.ui_action import UiAction
from events.ownership.owner import Owner
from events.store.details import as_wire
from ingestion.rejected.event import RejectedEvent
from tests.sending import AVAILITY, MakeSender, Sender, file_all, message, only_event

ANALYTICS = "/ms/api/availity/internal/spc/analytics/telemetry"
FORM = "application/x-www-form-urlencoded"


def as_form(**fields: str) -> str:
    named = {
        "source_system": "portal",
        "contact": "team@example.com",
        "version": "v1",
        "telemetryBody.level": "info",
        "owner": "YourTeam",
    }
    return "&".join(f"{name}={quote(value)}" for name, value in (named | fields).items())


def test_the_published_example_is_filed_under_its_owner(sender: Sender) -> None:
    response = sender.post(AVAILITY, message())
    assert (response.status_code, response.content) == (201, b"")
    file_all()
    event = only_event()
    assert (event.owner.name, event.source.name, event.session) == (
        "YourTeam",
        "eligibility_and_benefits",
        "123-456-789",
    )
    assert as_wire(event) == message()
    action = UiAction.objects.get()
    assert (action.label, action.level, action.customer_id) == ("Submit", "info", "1194")


def test_the_published_examples_stray_brace_is_refused(sender: Sender) -> None:
    import json

    response = sender.post(AVAILITY, json.dumps(message()) + "}")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "bad_json"
    sender.key.refresh_from_db()
    assert sender.key.malformed == 1
    assert file_all().requests == 0


@pytest.mark.parametrize("path", [AVAILITY, ANALYTICS])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/plain;charset=UTF-8"])
def test_json_is_accepted_on_both_paths_with_every_content_type(
    sender: Sender, path: str, content_type: str
) -> None:
    assert sender.post(path, message(), content_type).status_code == 201
    assert file_all().stored == 1


@pytest.mark.parametrize("path", [AVAILITY, ANALYTICS])
def test_a_form_is_returned_as_nested_json(sender: Sender, path: str) -> None:
    body = as_form() + "&telemetryBody.entries.label=Go%20on&telemetryBody.entries.tags[]=a"
    body += "&telemetryBody.entries.tags[]=b&telemetryBody.entries.nested.k=1&telemetryBody.entries.x=null"
    assert sender.post(path, body, FORM).status_code == 201
    file_all()
    assert as_wire(only_event()) == {
        "source_system": "portal",
        "contact": "team@example.com",
        "version": "v1",
        "owner": "YourTeam",
        "telemetryBody": {
            "level": "info",
            "entries": {"label": "Go on", "tags": ["a", "b"], "nested": {"k": "1"}, "x": "null"},
        },
    }


def test_null_and_undefined_in_a_form_mean_absent_and_are_returned_as_sent(sender: Sender) -> None:
    body = as_form(sessionId="undefined", owner="null", customerId="null")
    assert sender.post(AVAILITY, body, FORM).status_code == 201
    file_all()
    event = only_event()
    assert event.session is None
    assert event.owner == sender.key.default_owner
    wire = as_wire(event)
    assert (wire["sessionId"], wire["owner"], wire["customerId"]) == ("undefined", "null", "null")


def test_a_form_without_an_owner_belongs_to_the_keys_owner(sender: Sender) -> None:
    body = "source_system=portal&contact=a@b.c&version=v1&telemetryBody.level=info"
    assert sender.post(AVAILITY, body, FORM).status_code == 201
    file_all()
    event = only_event()
    assert event.owner == sender.key.default_owner
    assert "owner" not in as_wire(event)


@pytest.mark.parametrize("version", ["1", 1, "v1"])
def test_every_spelling_of_version_1_is_accepted(sender: Sender, version: object) -> None:
    assert sender.post(AVAILITY, message(version=version)).status_code == 201
    file_all()
    assert as_wire(only_event())["version"] == version


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"version": "2"}, "unknown_version", "version"),
        ({"customerId": 1194}, "wrong_type", "customerId"),
        ({"contact": "nobody"}, "bad_value", "contact"),
        ({"telemetryBody": {"level": "info"}}, "missing", "telemetryBody.entries"),
        ({"source_system": "x" * 101}, "bad_name", "source_system"),
        ({"sessionId": "x" * 513}, "bad_length", "sessionId"),
        ({"owner": "x" * 101}, "bad_name", "owner"),
        ({"owner": "a\nb"}, "bad_name", "owner"),
    ],
)
def test_an_invalid_message_is_refused_and_kept_as_rejected(
    sender: Sender, changes: dict[str, object], code: str, path: str
) -> None:
    response = sender.post(AVAILITY, message(**changes))
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["path"]) == (code, path)
    assert file_all().rejected == 1
    assert (RejectedEvent.objects.get().code, Event.objects.count()) == (code, 0)


def test_an_unknown_owner_is_created_if_the_key_allows_it(sender: Sender) -> None:
    assert sender.post(AVAILITY, message(owner=" New Team ")).status_code == 201
    file_all()
    owner = Owner.objects.get(name="New Team")
    assert owner.contact == "myteamdistributionlist@availity.com"
    assert only_event().owner == owner
    assert as_wire(only_event())["owner"] == " New Team "


def test_a_refused_message_creates_no_owner(sender: Sender) -> None:
    assert sender.post(AVAILITY, message(owner="New Team", version="9")).status_code == 400
    file_all()
    assert not Owner.objects.filter(name="New Team").exists()
    assert RejectedEvent.objects.get().owner == sender.key.default_owner


@pytest.mark.parametrize(
    "contact", ["a\x00@example.com", "\ud800@example.com", "a@b", f"{'x' * 600}@example.com"]
)
def test_an_invalid_contact_is_kept_only_in_the_event(sender: Sender, contact: str) -> None:
    assert sender.post(AVAILITY, message(owner="New Team", contact=contact)).status_code == 201
    file_all()
    assert Owner.objects.get(name="New Team").contact == ""
    assert as_wire(only_event())["contact"] == contact


def test_owners_are_compared_without_case_and_returned_as_sent(sender: Sender) -> None:
    sender.post(AVAILITY, message(owner="yourteam"))
    file_all()
    assert only_event().owner.name == "YourTeam"
    assert as_wire(only_event())["owner"] == "yourteam"


def test_a_key_that_may_not_write_for_the_owner_is_refused(make_sender: MakeSender) -> None:
    limited = make_sender()
    response = limited.post(AVAILITY, message(owner="Other"))
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "owner_not_allowed"
    assert file_all().requests == 0


def test_a_key_may_write_for_the_owners_it_lists(make_sender: MakeSender) -> None:
    listed = make_sender(owners="Other, Third")
    assert listed.post(AVAILITY, message(owner="Third")).status_code == 201
    assert listed.post(AVAILITY, message(owner="Fourth")).status_code == 403


def test_owners_that_messages_create_are_capped(sender: Sender, settings: object) -> None:
    settings.MAX_OWNERS = 2  # type: ignore[attr-defined]
    assert sender.post(AVAILITY, message(owner="Second")).status_code == 201
    response = sender.post(AVAILITY, message(owner="Third"))
    assert (response.status_code, response.json()["error"]["code"]) == (403, "too_many_owners")


def test_multipart_is_refused(sender: Sender) -> None:
    assert sender.post(AVAILITY, "x", "multipart/form-data; boundary=x").status_code == 415
