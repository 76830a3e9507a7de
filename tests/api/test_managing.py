"""The management API: rights of a key, the person it acts for, and errors by field."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.access import OPERATORS
from events.accounts import audit
from events.accounts.audit import AuditEntry
from events.accounts.invitation import Invitation
from events.accounts.members import end_keys
from events.event import Event
from events.ownership import senders
from events.ownership.api_key import ApiKey, KeyType, Permission
from events.ownership.owner import Membership, Owner, Role
from events.ownership.source import Source
from events.store.sources import delete_events
from events.webhooks.webhook import Webhook, WebhookAttempt
from reports.cost.budgets import Budget
from reports.digests.models import Subscription
from reports.mail.addresses import Address
from tests.factories import person
from tests.sending import MakeSender, Sender, file_all, log_event

MANAGE = (Permission.MANAGE,)
NEW_KEY = {"name": "portal", "type": "secret", "permissions": ["read"], "owner": "A"}
NEW_HOOK = {"name": "chat", "url": "https://chat.example.org/", "owner": "A"}
# A valid body for each endpoint, to which a test adds members that must be refused.
BODIES: dict[str, dict[str, Any]] = {
    "keys": NEW_KEY,
    "webhooks": NEW_HOOK,
    "invitations": {"email": "new@example.org", "owner": "A"},
    "budgets": {"owner": "A", "first_month": "2026-01-15", "amount": "10.50"},
    "subscriptions": {"owners": ["A"]},
}


class Caller:
    """A client that manages with a key."""

    def __init__(self, key: ApiKey, text: str, client: Client) -> None:
        self.key, self._text, self._client = key, text, client

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Send a request, check its status, and return the JSON of the response."""
        response = self._client.generic(
            method,
            f"/api/v1/{path}",
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self._text}"},
        )
        assert response.status_code == status, (method, path, response.content)
        return response.json() if response.content else None


MakeCaller = Callable[..., Caller]


@pytest.fixture
def caller(make_sender: MakeSender, client: Client) -> MakeCaller:
    """A function that creates a key for managing for a person, with the arguments of `provisioning.key`."""

    def make(user: User, owner: str = "A", **options: Any) -> Caller:
        options = {"kind": KeyType.SECRET, "permissions": MANAGE, "created_by": user.pk} | options
        made = make_sender(owner, **options)
        return Caller(made.key, made.text, client)

    return make


@pytest.fixture
def team(make_sender: MakeSender) -> Sender:
    return make_sender("A", kind=KeyType.SECRET)


@pytest.fixture
def lena(team: Sender) -> User:
    return person("lena", team.key.default_owner, role=Role.LEAD)


@pytest.fixture
def call(lena: User, caller: MakeCaller) -> Caller:
    return caller(lena)


def errors_of(answer: Any) -> dict[str, Any]:
    assert answer["code"] == "invalid", answer
    found: dict[str, Any] = answer["errors"]
    return found


CHANGES: dict[str, dict[str, Any]] = {
    "keys": {"name": "renamed"},
    "webhooks": {"filter": "kind=error", "active": False},
    "budgets": {"amount": "20.00"},
    "subscriptions": {"hour": 9},
}
RECORDED = {
    "keys": ["key.made", "key.changed", "key.revoked"],
    "webhooks": ["webhook.made", "webhook.paused", "webhook.removed"],
    "budgets": ["budget.made", "budget.changed", "budget.removed"],
    "subscriptions": ["subscription.made", "subscription.changed", "subscription.removed"],
    "invitations": ["invitation.made", "invitation.withdrawn"],
}


def test_objects_are_created_changed_and_removed_and_audited(call: Caller) -> None:
    for name, body in BODIES.items():
        made = call("POST", f"{name}/", body, 201)
        at = f"{name}/{made['id']}/"
        listed = call("GET", f"{name}/")["results"]
        assert call("GET", at) == next(row for row in listed if row["id"] == made["id"])
        assert "secret" not in listed[0]
        if name in CHANGES:
            changed = call("PATCH", at, CHANGES[name])
            assert {**changed, **CHANGES[name]} == changed
        call("DELETE", at, status=204)
        # Revoked keys and withdrawn invitations remain; repeating it changes nothing.
        call("DELETE", at, status=204 if name in ("keys", "invitations") else 404)
        entries = AuditEntry.objects.filter(action__startswith=RECORDED[name][0].partition(".")[0]).order_by(
            "pk"
        )
        assert [entry.action for entry in entries] == RECORDED[name]
        assert {entry.actor_name for entry in entries} == {str(call.key)}


def test_a_list_takes_the_same_queries_for_one_object_and_for_many(call: Caller) -> None:
    several: dict[str, list[Any]] = {
        "keys": [NEW_KEY | {"name": f"key {number}", "owners": ["A"]} for number in range(4)],
        "webhooks": [NEW_HOOK | {"name": f"hook {number}"} for number in range(4)],
        "budgets": [BODIES["budgets"] | {"first_month": f"2026-0{number}-01"} for number in range(2, 6)],
    }
    for name, bodies in several.items():
        asked = []
        for body in bodies:
            call("POST", f"{name}/", body, 201)
            with CaptureQueriesContext(connection) as captured:
                call("GET", f"{name}/")
            asked.append(len(captured.captured_queries))
        assert asked[1:] == [asked[0]] * 3, (name, asked)


def test_an_invalid_body_is_refused_by_field_and_changes_nothing(
    call: Caller, make_sender: MakeSender
) -> None:
    make_sender("B")
    counted = (ApiKey, Webhook, Invitation, Budget, Subscription, AuditEntry)
    before = [model._default_manager.count() for model in counted]
    for name, body in BODIES.items():
        foreign = {"owners": ["B"]} if name == "subscriptions" else {"owner": "B"}
        asked = {**body, **foreign, "nonsense": 1, "created_at": "2020-01-01", "organization": 1, "user": 1}
        found = errors_of(call("POST", f"{name}/", asked, 400))
        assert found["nonsense"] == ["There is no such field."]
        assert {"organization", "user", "created_at", *foreign} <= set(found)
        assert set(found) & set(body) <= set(foreign)
        odd_bodies: list[Any] = [[], "x", 1, None]
        for odd in odd_bodies:
            assert call("POST", f"{name}/", odd, 400)["code"] == "invalid"
    assert errors_of(call("POST", "keys/", {}, 400)).keys() == {"type", "permissions", "owner"}
    for body, field in (
        ({**NEW_KEY, "all_owners": True}, "all_owners"),
        ({**NEW_KEY, "prefix": "x"}, "prefix"),
        ({**NEW_KEY, "owners": ["A", "B"]}, "owners"),
        ({**NEW_KEY, "permissions": []}, "permissions"),
        ({**NEW_KEY, "permissions": ["all"]}, "permissions"),
        ({**NEW_KEY, "name": "a\0b"}, "name"),
        ({**NEW_KEY, "type": "publishable", "permissions": ["manage"]}, "permissions"),
    ):
        assert field in errors_of(call("POST", "keys/", body, 400))
    for changes in (
        {"url": "https://127.0.0.1/"},
        {"url": "ftp://x"},
        {"filter": "nope=1"},
        {"fields": "nope"},
    ):
        assert errors_of(call("POST", "webhooks/", {**NEW_HOOK, **changes}, 400)).keys() == changes.keys()
    assert "zone" in errors_of(call("POST", "subscriptions/", {"owners": ["A"], "zone": "Mars"}, 400))
    assert [model._default_manager.count() for model in counted] == before


def test_uniqueness_errors_name_the_field(call: Caller) -> None:
    call("POST", "webhooks/", NEW_HOOK, 201)
    other = call("POST", "webhooks/", {**NEW_HOOK, "name": "other"}, 201)
    said = "This owner already has a webhook with that name."
    assert errors_of(call("POST", "webhooks/", NEW_HOOK, 400)) == {"": [said]}
    assert errors_of(call("PATCH", f"webhooks/{other['id']}/", {"name": "chat"}, 400)) == {"": [said]}
    call("POST", "invitations/", BODIES["invitations"], 201)
    again = errors_of(call("POST", "invitations/", BODIES["invitations"], 400))
    assert again["email"] == ["Already invited. Send that invitation again, or withdraw it."]
    call("POST", "budgets/", BODIES["budgets"], 201)
    assert "" in errors_of(call("POST", "budgets/", {**BODIES["budgets"], "first_month": "2026-01-02"}, 400))


def test_objects_of_other_owners_are_neither_listed_nor_found(call: Caller, make_sender: MakeSender) -> None:
    other = make_sender("B", kind=KeyType.SECRET)
    owner = other.key.default_owner
    bob = person("bob", owner, role=Role.LEAD)
    hook = Webhook(owner=owner, name="theirs", url="https://b.example/")
    hook.begin()
    hook.save()
    address = Address.objects.create(owner=owner, address="b@example.org")
    digest = Subscription.objects.create(address=address)
    digest.owners.set([owner])
    theirs = {
        "keys": other.key,
        "webhooks": hook,
        "members": Membership.objects.get(user=bob),
        "invitations": Invitation.objects.create(owner=owner, email="b@example.org", sent_at=timezone.now()),
        "budgets": Budget.objects.create(owner=owner, first_month="2026-01-01", amount=1),
        "subscriptions": digest,
        "owners": owner,
    }
    before = AuditEntry.objects.count()
    for name, row in theirs.items():
        assert row.pk not in [each["id"] for each in call("GET", f"{name}/")["results"]]
        for pk in (row.pk, 2**63):
            for method in ("GET", "PATCH", "DELETE"):
                refused = 405 if (name, method) in (("owners", "DELETE"), ("invitations", "PATCH")) else 404
                call(method, f"{name}/{pk}/", {} if method == "PATCH" else None, refused)
    for path in (f"webhooks/{hook.pk}/rotate/", f"invitations/{theirs['invitations'].pk}/resend/"):
        call("POST", path, status=404)
    call("GET", f"webhooks/{hook.pk}/deliveries/", status=404)
    assert "address" in errors_of(
        call("POST", "subscriptions/", {"owners": ["A"], "address": "b@example.org"}, 400)
    )
    assert call("GET", "keys/?owner=B")["results"] == []
    assert AuditEntry.objects.count() == before


def test_a_key_manages_only_while_its_person_leads(lena: User, call: Caller, team: Sender) -> None:
    hook = call("POST", "webhooks/", NEW_HOOK, 201)
    mia = person("mia", team.key.default_owner, role=Role.LEAD)
    (mine,) = [row for row in call("GET", "members/")["results"] if row["person"] == "lena"]
    assert call("PATCH", f"members/{mine['id']}/", {"role": "viewer"})["role"] == "viewer"
    assert call("GET", "webhooks/")["results"] == call("GET", "owners/")["results"] == []
    call("DELETE", f"webhooks/{hook['id']}/", status=404)
    call("PATCH", f"owners/{team.key.default_owner_id}/", {"validation": "strict"}, 404)
    assert "owner" in errors_of(call("POST", "keys/", NEW_KEY, 400))
    Membership.objects.filter(user=lena).update(role=Role.LEAD)
    assert len(call("GET", "webhooks/")["results"]) == 1
    lena.is_active = False
    lena.save()
    assert call("GET", "webhooks/")["results"] == []
    member = Membership.objects.get(user=lena)
    taken_by = audit.Actor("mia", mia.pk)
    end_keys(member, actor=taken_by, now=timezone.now(), handed_to={call.key.pk: mia})
    assert len(call("GET", "webhooks/")["results"]) == 1  # for mia now
    Membership.objects.get(user=mia).delete()
    senders.forget()
    call("GET", "webhooks/", status=401)


def test_a_key_cannot_create_keys_that_last_longer_or_reach_further(
    lena: User, caller: MakeCaller, make_sender: MakeSender
) -> None:
    owner_b = make_sender("B").key.default_owner
    Membership.objects.create(user=lena, owner=owner_b, role=Role.LEAD)
    call = caller(lena)
    ends = timezone.now().replace(microsecond=0) + timedelta(hours=1)
    ApiKey.objects.filter(pk=call.key.pk).update(expires_at=ends)
    later = (ends + timedelta(hours=1)).isoformat()
    manages = {**NEW_KEY, "permissions": ["manage"]}
    # Lena leads B too, but the key isn't for it.
    assert "owner" in errors_of(call("POST", "keys/", {**NEW_KEY, "owner": "B"}, 400))
    for expires in ({}, {"expires_at": None}, {"expires_at": later}):
        assert "expires_at" in errors_of(call("POST", "keys/", {**manages, **expires}, 400))
    assert "expires_at" in errors_of(call("PATCH", f"keys/{call.key.pk}/", {"expires_at": None}, 400))
    made = call("POST", "keys/", {**manages, "expires_at": ends.isoformat()}, 201)
    assert (made["person"], made["permissions"]) == ("lena", ["manage"])
    assert "expires_at" in errors_of(call("PATCH", f"keys/{made['id']}/", {"expires_at": later}, 400))
    assert call("POST", "keys/", NEW_KEY, 201)["expires_at"] is None  # a read-only key
    # A key for owners that this one doesn't administer can't be extended, and their names are hidden.
    wide, _ = make_sender("B", kind=KeyType.SECRET).key, None
    ApiKey.objects.filter(pk=wide.pk).update(default_owner=call.key.default_owner, expires_at=ends)
    wide.owners.set([owner_b])
    assert call("GET", f"keys/{wide.pk}/")["owners"] == []
    assert "expires_at" in errors_of(call("PATCH", f"keys/{wide.pk}/", {"expires_at": later}, 400))


def test_only_an_operator_can_demote_or_remove_the_last_lead(
    lena: User, call: Caller, caller: MakeCaller, team: Sender
) -> None:
    mia = person("mia", team.key.default_owner)
    rows = {row["person"]: row["id"] for row in call("GET", "members/")["results"]}
    assert "role" in errors_of(call("PATCH", f"members/{rows['lena']}/", {"role": "viewer"}, 400))
    refused = call("DELETE", f"members/{rows['lena']}/", status=409)
    assert (refused["code"], "last lead" in refused["detail"]) == ("conflict", True)
    call("DELETE", f"members/{rows['mia']}/", status=204)
    assert not Membership.objects.filter(user=mia).exists()
    by_operator = caller(person("olga", is_superuser=True))
    by_operator("DELETE", f"members/{rows['lena']}/", status=204)
    senders.forget()
    call("GET", "members/", status=401)
    actions = AuditEntry.objects.filter(action__in=("member.removed", "key.revoked")).order_by("pk")
    assert [each.action for each in actions] == ["member.removed", "key.revoked", "member.removed"]


def test_leads_change_settings_and_operators_change_quotas(
    call: Caller, caller: MakeCaller, make_sender: MakeSender, team: Sender
) -> None:
    at = f"owners/{team.key.default_owner_id}/"
    changed = call("PATCH", at, {"validation": "strict", "contact": "a@example.org"})
    assert (changed["validation"], changed["contact"]) == ("strict", "a@example.org")
    assert errors_of(call("PATCH", at, {"monthly_quota": 1, "name": "X"}, 400)).keys() == {"name"}
    assert errors_of(call("PATCH", at, {"monthly_quota": 1}, 400)) == {
        "monthly_quota": ["Only operators can set it."]
    }
    assert "contact" in errors_of(call("PATCH", at, {"contact": "nobody"}, 400))
    call("POST", "owners/", {"name": "New"}, 403)
    olga = person("olga", is_superuser=True)
    narrow, wide = caller(olga), caller(olga, owners="all")
    assert narrow("PATCH", at, {"monthly_quota": 7})["monthly_quota"] == 7
    narrow("POST", "owners/", {"name": "New"}, 403)
    made = wide("POST", "owners/", {"name": "New", "monthly_quota": 5}, 201)
    assert (made["organization"], made["monthly_quota"]) == ("acme", 5)
    assert "name" in errors_of(wide("POST", "owners/", {"name": "new"}, 400))
    foreign = make_sender("Far", organization_slug="elsewhere").key.default_owner_id
    wide("PATCH", f"owners/{foreign}/", {"validation": "strict"}, 404)
    kept = AuditEntry.objects.filter(action__startswith="owner.").order_by("pk")
    assert [(each.action, each.actor_name) for each in kept] == [
        ("owner.changed", str(call.key)),
        ("owner.changed", str(narrow.key)),
        ("owner.made", str(wide.key)),
    ]
    User.objects.filter(pk=olga.pk).update(is_superuser=False)
    assert wide("GET", "owners/")["results"] == []
    assert Owner.objects.get(name="New").validation == "lenient"


def test_sources_can_be_merged_and_deleted_by_keys_for_all_their_owners(
    call: Caller, team: Sender, make_sender: MakeSender
) -> None:
    def event(source: str) -> Any:
        context = {"channel": "c", "env": "e", "pdata": {"id": source}, "sid": "s", "did": "d"}
        return log_event(f"{source}-{timezone.now().timestamp()}", context=context)

    team.batch(event("one"), event("two"), event("shared"))
    make_sender("B").batch(event("shared"), event("theirs"))
    file_all()
    ids = {row["name"]: row["id"] for row in call("GET", "sources/")["results"]}
    assert set(ids) == {"one", "two", "shared"}
    theirs = Source.objects.get(name="theirs").pk
    call("POST", f"sources/{ids['shared']}/merge/", {"into": ids["one"]}, 403)
    call("DELETE", f"sources/{theirs}/", status=404)
    assert "into" in errors_of(call("POST", f"sources/{ids['one']}/merge/", {"into": theirs}, 400))
    assert call("POST", f"sources/{ids['one']}/merge/", {"into": ids["one"]}, 409)["code"] == "conflict"
    assert call("POST", f"sources/{ids['one']}/merge/", {"into": ids["two"]})["merged_into"] == "two"
    assert call("POST", f"sources/{ids['one']}/undo-merge/")["merged_into"] is None
    assert "still has events" in call("DELETE", f"sources/{ids['one']}/", status=409)["detail"]
    list(delete_events(Source.objects.get(pk=ids["one"]), timezone.now()))
    assert Event.objects.filter(source=ids["one"]).count() == 0
    call("DELETE", f"sources/{ids['one']}/", status=204)
    call("DELETE", f"sources/{ids['one']}/", status=404)
    actions = AuditEntry.objects.filter(action__startswith="source.", actor_name=str(call.key)).order_by("pk")
    assert [each.action for each in actions] == ["source.merged", "source.parted", "source.removed"]


def test_secrets_are_shown_once_and_work(call: Caller, client: Client, team: Sender) -> None:
    secret = call("POST", "keys/", NEW_KEY, 201)["secret"]
    read = client.get("/api/v1/owners/", headers={"Authorization": f"Bearer {secret}"})
    assert [row["name"] for row in read.json()["results"]] == ["A"]
    hook = call("POST", "webhooks/", NEW_HOOK, 201)
    rotated = call("POST", f"webhooks/{hook['id']}/rotate/")["secret"]
    assert Webhook.objects.get().secret == rotated != hook["secret"]
    told = str([call("GET", f"{name}/") for name in BODIES]) + str(list(AuditEntry.objects.values()))
    assert not any(each in told for each in (secret, rotated, hook["secret"]))
    stored = Webhook.objects.get()
    for number in range(2):
        WebhookAttempt.objects.create(
            webhook=stored, message=f"msg_{number}", at=timezone.now(), milliseconds=1, rows=1, bytes=1
        )
    page = call("GET", f"webhooks/{hook['id']}/deliveries/?page_size=1&fields=message")
    assert page["results"] == [{"message": "msg_1"}]
    assert page["next"]
    call("GET", f"webhooks/{hook['id']}/deliveries/?nope=1", status=400)
    response = client.post(
        "/api/v1/keys/", NEW_KEY, "application/json", headers={"Authorization": f"Bearer {call._text}"}
    )
    assert "no-store" in response["Cache-Control"]
    assert response["Location"] == f"/api/v1/keys/{response.json()['id']}/"


def test_permissions_are_independent(
    call: Caller, caller: MakeCaller, lena: User, team: Sender, client: Client
) -> None:
    for path in ("events/", "sessions/", "usage/", "rejected/", "changes/", "exports/", "charges/", "query/"):
        assert "no read permission" in call("GET", path, status=403)["detail"]
    assert [row["name"] for row in call("GET", "owners/")["results"]] == ["A"]
    reads = caller(lena, permissions=(Permission.READ, Permission.WRITE))
    for name, body in BODIES.items():
        for method, sent in (("GET", None), ("POST", body)):
            assert "no manage permission" in reads(method, f"{name}/", sent, 403)["detail"]
    reads("PATCH", f"owners/{team.key.default_owner_id}/", {"validation": "strict"}, 403)
    client.force_login(lena)
    assert client.get("/api/v1/owners/").status_code == 200
    for response in (client.get("/api/v1/keys/"), client.post("/api/v1/keys/", NEW_KEY, "application/json")):
        assert (response.status_code, "in the admin" in response.json()["detail"]) == (403, True)
    assert OPERATORS not in {group.name for group in lena.groups.all()}


def test_a_key_without_a_person_cannot_manage(call: Caller) -> None:
    ApiKey.objects.filter(pk=call.key.pk).update(created_by=None)
    assert call("GET", "keys/")["results"] == call("GET", "owners/")["results"] == []
    assert "owner" in errors_of(call("POST", "keys/", NEW_KEY, 400))
