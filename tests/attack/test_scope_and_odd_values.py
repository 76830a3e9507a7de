"""More regression tests: the admin, the scope of keys, raw queries, long integers."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.event import Event
from events.ownership.owner import Owner
from ingestion.dialects import protojson
from ingestion.dialects.jsontext import MAX_DIGITS
from ingestion.filing import drain as draining
from ingestion.rejected.event import RejectedEvent
from tests.factories import person
from tests.sending import (
    AVAILITY,
    EMIT,
    SUNBIRD,
    Sender,
    emitted,
    file_all,
    log_event,
    message,
    only_event,
)

pytestmark = pytest.mark.django_db


def test_raw_utf8_in_a_query_is_decoded() -> None:
    raw = "event.user=é".encode()
    assert protojson.from_query(raw) == {"event": {"user": "é"}}


def test_an_owner_with_waiting_requests_cannot_be_deleted(sender: Sender) -> None:
    sender.post(AVAILITY, message(owner="Fresh"))
    client = Client()
    client.force_login(person("olga", is_superuser=True))
    pk = Owner.objects.get(name="Fresh").pk
    r = client.post(f"/admin/events/owner/{pk}/delete/", {"post": "yes"})
    assert Owner.objects.filter(pk=pk).exists(), r.status_code


def test_a_key_of_a_person_who_left_is_refused(sender: Sender) -> None:
    user = person("leaver")
    sender.key.user = user
    sender.key.save()
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert sender.post(SUNBIRD, {"events": []}).status_code == 401


def test_a_poisonous_event_delays_nobody_else(sender: Sender) -> None:
    sender.batch(log_event())
    sender.post(
        AVAILITY,
        "source_system=s&contact=a@b.c&version=v1&telemetryBody.level=info&a%00=null",
        "application/x-www-form-urlencoded",
    )
    failed = 0
    for _ in range(5):
        try:
            draining.drain_block()
        except Exception:  # noqa: BLE001
            failed += 1
    assert failed == 0, f"{failed} blocks failed"


def test_an_owner_in_json_may_be_named_undefined(make_sender: Any) -> None:
    s = make_sender(owners="all")
    assert s.post(AVAILITY, message(owner="undefined")).status_code == 201
    file_all()
    assert only_event().owner.name == "undefined"


def test_snake_case_is_accepted_in_json(sender: Sender) -> None:
    e = emitted(data={"type_url": "x/y", "value": "AAAA"})
    assert sender.post(EMIT, e).status_code == 200


def test_a_message_with_an_invalid_contact_creates_no_owner(sender: Sender) -> None:
    assert sender.post(AVAILITY, message(owner="Ghost", contact="no address")).status_code == 400
    assert not Owner.objects.filter(name="Ghost").exists()


def test_other_organizations_are_unreachable(make_sender: Any) -> None:
    a = make_sender("A", owners="all", organization_slug="one")
    b = make_sender("A", owners="all", organization_slug="two")
    from events.ownership.api_key import KeyType

    r = make_sender("A", kind=KeyType.SECRET, organization_slug="two")
    a.post(AVAILITY, message(owner="A"))
    file_all()
    assert (
        r.client.get("/api/v1/events/", headers={"Authorization": f"Bearer {r.text}"}).json()["results"] == []
    )
    b.post(AVAILITY, message(owner="A"))
    file_all()
    assert Event.objects.count() == 2
    assert (
        len(r.client.get("/api/v1/events/", headers={"Authorization": f"Bearer {r.text}"}).json()["results"])
        == 1
    )


def test_admin_pages_handle_deep_bodies_and_odd_parameters(sender: Sender) -> None:
    sender.post(SUNBIRD, b'{"events": [' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"]}")
    sender.post(SUNBIRD, b'{"events": [{"a": ' + b"9" * 4200 + b"}]}")
    file_all()
    client = Client()
    client.force_login(person("olga", is_superuser=True))
    for r in RejectedEvent.objects.all():
        assert client.get(f"/admin/ingestion/rejectedevent/{r.pk}/change/").status_code == 200
    for q in (
        "q=%00",
        "owner=%00",
        "after=%00",
        "after=9" * 30,
        "before=x",
        "period=x",
        "kind=%ff",
        "_changelist_filters=%0d%0a",
        "q=%ED%A0%80",
    ):
        for m in (
            "events/event",
            "ingestion/rejectedevent",
            "ingestion/inboxrequest",
            "events/apikey",
            "events/source",
            "events/owner",
        ):
            assert client.get(f"/admin/{m}/?{q}").status_code < 500


def test_events_with_the_longest_accepted_integers_can_be_read(sender: Sender) -> None:
    for digits in (400, MAX_DIGITS - 1):
        sender.post(SUNBIRD, json.dumps({"events": [log_event(str(digits), x=10**digits)]}))
    body = json.dumps({"events": [log_event("big", x="X")]}).replace('"X"', "9" * 4250)
    r = sender.post(SUNBIRD, body)
    assert r.status_code == 200
    done = draining.drain()
    assert (done.stored, done.rejected) == (2, 1)
    for e in Event.objects.all():
        assert (
            sender.client.get(
                f"/api/v1/events/{e.pk}/", headers={"Authorization": f"Bearer {sender.text}"}
            ).status_code
            == 200
        )
