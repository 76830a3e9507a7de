"""No address and no filter of the API shows strangers a name or an ID of another owner."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from events.event import Event
from events.ownership.api_key import KeyType, Permission
from events.ownership.owner import Membership, Role
from events.sessions.session import Session
from ingestion.rejected.event import RejectedEvent
from reports.cost.charging.updating import update_charges
from telemetry_project.api import router
from tests.api.test_events import get
from tests.factories import person
from tests.sending import MakeSender, Sender, file_all, log_event
from tests.summarising import summarise_sessions

SECRET = "secretive"  # part of every name and ID of alice's
# Values in alice's rows, by the filters that find them.
VALUES = {
    "owner": f"{SECRET} team",
    "name": f"{SECRET} app",
    "source": f"{SECRET} app",
    "session": f"{SECRET} session",
    "actor": f"{SECRET} actor",
    "device": f"{SECRET} device",
    "client_event_id": f"{SECRET} id",
    "kind": "log",
    "dialect": "sunbird",
}


def of_lead(make_sender: MakeSender, owner: str, **options: Any) -> Sender:
    """Return a sender with all permissions, whose key acts for a lead of its owner."""
    lead = person(f"lead of {owner}")
    sender = make_sender(
        owner, kind=KeyType.SECRET, permissions=list(Permission), created_by=lead.pk, **options
    )
    Membership.objects.create(user=lead, owner=sender.key.default_owner, role=Role.LEAD)
    return sender


@pytest.fixture
def alice(make_sender: MakeSender) -> Sender:
    sender = of_lead(make_sender, VALUES["owner"])
    context = {
        "channel": "c1",
        "env": "home",
        "pdata": {"id": VALUES["source"]},
        "sid": VALUES["session"],
        "did": VALUES["device"],
    }
    actor = {"id": VALUES["actor"], "type": "User"}
    sender.batch(
        log_event(VALUES["client_event_id"], context=context, actor=actor),
        log_event(f"{SECRET} bad", context=context, ets="x"),
    )
    file_all()
    update_charges(sender.key.default_owner.organization_id, timezone.now())
    summarise_sessions()
    return sender


def lists(key: str) -> list[str]:
    """Return the addresses of all lists; without a key only of those that people may read."""
    read = (Permission.READ,)
    needs = {prefix: getattr(view, "needs", read) for prefix, view, _ in router.registry}
    return [f"/api/v1/{prefix}/" for prefix, needed in needs.items() if key or Permission.READ in needed]


def shown(client: Client, key: str) -> list[str]:
    """Return every address and filter whose response contains something of alice's."""
    found = []
    for url in lists(key):
        known = set(get(client, url, key, nothing="x").json().get("known", ()))
        for query in ({}, *({name: value} for name, value in VALUES.items() if name in known)):
            response = get(client, url, key, **query)
            assert response.status_code == 200, (url, query, response.content)
            if SECRET in str(response.json()["results"]):
                found.append(f"{url}{query}")
    return found


def test_alice_sees_her_data_in_every_list(alice: Sender, client: Client) -> None:
    seen = {entry.partition("{")[0] for entry in shown(client, alice.text)}
    names = (
        "changes",
        "events",
        "kinds/log",
        "owners",
        "rejected",
        "sessions",
        "sources",
        "usage",
        "charges",
        "keys",
        "members",
    )
    assert seen == {f"/api/v1/{name}/" for name in names}


@pytest.mark.parametrize("who", ["bob", "charlie", "a colleague"])
def test_others_see_nothing_of_alices(
    alice: Sender, make_sender: MakeSender, client: Client, who: str
) -> None:
    key = ""
    if who == "bob":
        key = of_lead(make_sender, "B", organization_slug="elsewhere", owners="all").text
    elif who == "a colleague":
        key = of_lead(make_sender, "C").text
    else:
        client.force_login(person("charlie"))
    assert shown(client, key) == []
    rows: dict[str, Any] = {"events": Event, "sessions": Session, "rejected": RejectedEvent}
    for name, model in rows.items():
        url = f"/api/v1/{name}/{model.objects.get().pk}/"
        assert get(client, url, key).status_code == 404
        assert get(client, url, alice.text).status_code == 200
