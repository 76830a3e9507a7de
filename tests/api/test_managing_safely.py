"""Managing by API: keys that end meanwhile, changes and exports at the same time, rights of others."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from events.access import KeyUser
from events.exports import jobs
from events.ownership.api_key import ApiKey, KeyType, Permission
from events.ownership.owner import Membership, Owner, Role
from events.ownership.source import Source
from events.store.usage import UsageHour, hour_of
from events.webhooks.webhook import Webhook
from reports.digests.models import Subscription
from reports.mail.addresses import Address
from tests.factories import person
from tests.faults.stack import eventually
from tests.sending import MakeSender, Sender

Send = Callable[..., Any]
FUTURE = "2099-01-01T00:00:00Z"


@pytest.fixture
def manager(make_sender: MakeSender) -> Sender:
    """A key that manages the owner A for the lead lena."""
    owner = make_sender("A").key.default_owner
    return key_for(person("lena", owner, role=Role.LEAD), make_sender)


@pytest.fixture
def send(manager: Sender) -> Send:
    """A function that sends a request with that key, and checks the status of the answer."""

    def sent(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        text = body if isinstance(body, str) else json.dumps(body)
        answer = Client().generic(
            method,
            f"/api/v1/{path}",
            "" if body is None else text,
            content_type="application/json",
            headers={"Authorization": f"Bearer {manager.text}"},
        )
        assert answer.status_code == status, (method, path, answer.content)
        return answer.json() if answer.content else None

    return sent


def key_for(user: User, make_sender: MakeSender) -> Sender:
    return make_sender("A", kind=KeyType.SECRET, permissions=(Permission.MANAGE,), created_by=user.pk)


def test_a_key_that_ended_manages_no_more_although_it_is_cached(manager: Sender, send: Send) -> None:
    """In ten seconds, whoever stole it could make another one."""
    send("GET", "keys/")
    ended = ApiKey.objects.filter(pk=manager.key.pk)
    for change in ({"revoked_at": timezone.now()}, {"expires_at": timezone.now()}):
        ended.update(**change)
        send("POST", "keys/", {"type": "secret", "permissions": ["read"], "owner": "A"}, 401)
        ended.update(revoked_at=None, expires_at=None)
    send("GET", "keys/")
    ended.delete()
    send("GET", "keys/", status=401)


def test_a_key_that_acts_for_somebody_else_is_not_extended(
    manager: Sender, send: Send, make_sender: MakeSender
) -> None:
    """The team may know a key of an operator, which ends so that it doesn't stay one."""
    theirs = key_for(person("olga", is_superuser=True), make_sender).key
    mine = key_for(User.objects.get(username="lena"), make_sender).key
    past = timezone.now() - timedelta(days=1)
    ApiKey.objects.filter(pk__in=(theirs.pk, mine.pk)).update(expires_at=past)
    refused = send("PATCH", f"keys/{theirs.pk}/", {"expires_at": FUTURE}, 400)
    assert "olga" in refused["errors"]["expires_at"][0]
    send("PATCH", f"keys/{mine.pk}/", {"expires_at": FUTURE})
    send("PATCH", f"keys/{theirs.pk}/", {"name": "old", "expires_at": past.isoformat()})


def test_a_source_is_merged_with_what_was_merged_into_it_only_by_leads_of_both(
    manager: Sender, send: Send, make_sender: MakeSender
) -> None:
    owner, other = manager.key.default_owner, make_sender("B").key.default_owner
    one, theirs, into = (
        Source.objects.create(organization=owner.organization, owner=whose, name=name)
        for whose, name in ((owner, "one"), (other, "theirs"), (owner, "into"))
    )
    for source, whose in ((one, owner), (theirs, other), (into, owner)):
        UsageHour.objects.create(
            owner=whose, source=source, hour=hour_of(timezone.now()), received=1, stored=1
        )
    Source.objects.filter(pk=theirs.pk).update(merged_into=one)
    send("POST", f"sources/{one.pk}/merge/", {"into": into.pk}, 403)
    theirs.refresh_from_db()
    assert theirs.merged_into == one
    Source.objects.filter(pk=theirs.pk).update(merged_into=None)
    assert send("POST", f"sources/{one.pk}/merge/", {"into": into.pk})["merged_into"] == "into"


def test_a_digest_goes_to_the_contact_of_the_owner_that_it_covers(
    manager: Sender, send: Send, make_sender: MakeSender
) -> None:
    lena, other = User.objects.get(username="lena"), make_sender("B").key.default_owner
    Membership.objects.create(user=lena, owner=other, role=Role.LEAD)
    manager.key.owners.add(other)
    contacts = {
        owner.name: Address.objects.create(owner=owner, address="team@example.org")
        for owner in (manager.key.default_owner, other)
    }
    for name, contact in contacts.items():
        made = send("POST", "subscriptions/", {"owners": [name], "address": "Team@example.org"}, 201)
        assert made["address"] == "team@example.org"
        assert Subscription.objects.get(pk=made["id"]).address == contact
    odd_addresses: list[Any] = ["\ud800@example.org", "team@example.org\0", "x" * 1_000, 1, []]
    for odd in odd_addresses:
        found = send("POST", "subscriptions/", {"owners": ["A"], "address": odd}, 400)
        assert found["errors"].keys() == {"address"}


def test_a_name_that_no_owner_can_have_is_refused(send: Send) -> None:
    odd_names: list[Any] = ["\ud800", "a\0", "", " ", 1.5, [], {}, None, "x" * 100_000]
    for odd in odd_names:
        for path, member, sent in (("budgets", "owner", odd), ("subscriptions", "owners", [odd])):
            assert member in send("POST", f"{path}/", {member: sent}, 400)["errors"]


def test_a_body_that_is_nested_too_deeply_is_malformed(send: Send) -> None:
    for deep in ("[" * 100_000, '{"a":' * 100_000):
        assert send("POST", "keys/", deep, 400)["code"] == "malformed"


@contextmanager
def meanwhile(statement: str, *values: object) -> Iterator[None]:
    """Execute a statement on another connection, which commits once a request waits for it."""
    settings = connection.get_connection_params()
    names = {
        name: settings[name] for name in ("dbname", "user", "host", "port", "password") if name in settings
    }
    waits = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    with psycopg.connect(**names) as other:
        other.execute(statement.encode(), values)
        pid = other.info.backend_pid
        yield
        with psycopg.connect(**names, autocommit=True) as watching:
            eventually(lambda: watching.execute(waits, [pid]).fetchone() != (0,), 30, "a request that waits")


@pytest.mark.django_db(transaction=True)
def test_a_change_does_not_undo_what_somebody_else_did_at_the_same_time(
    manager: Sender, send: Send, make_sender: MakeSender, client: Client
) -> None:
    owner = manager.key.default_owner
    key = make_sender("A").key
    hook = Webhook(owner=owner, name="chat", url="https://chat.example.org/")
    hook.begin()
    hook.save()
    gone = Membership.objects.get(user=person("mia", owner))

    def race(path: str, body: dict[str, Any], statement: str, *values: object, status: int = 200) -> None:
        answers: list[Any] = []

        def request() -> None:
            try:
                is_page = path.startswith("/admin/")
                answers.append(
                    client.post(path, body).status_code if is_page else send("PATCH", path, body, status)
                )
            finally:
                connections.close_all()

        patching = Thread(target=request)
        with meanwhile(statement, *values):
            patching.start()
        patching.join()
        assert answers, path

    race(
        f"keys/{key.pk}/", {"name": "x"}, "UPDATE events_apikey SET revoked_at = now() WHERE id = %s", key.pk
    )
    race(
        f"webhooks/{hook.pk}/",
        {"name": "x"},
        "UPDATE events_webhook SET secret = 'new' WHERE id = %s",
        hook.pk,
    )
    race(
        f"owners/{owner.pk}/",
        {"contact": "a@example.org"},
        "UPDATE events_owner SET monthly_quota = 5 WHERE id = %s",
        owner.pk,
    )
    race(
        f"members/{gone.pk}/",
        {"role": "lead"},
        "DELETE FROM events_membership WHERE id = %s",
        gone.pk,
        status=404,
    )
    key.refresh_from_db()
    assert (key.name, key.revoked_at is None) == ("x", False)
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=None)
    client.force_login(User.objects.get(username="lena"))
    page, form = (
        f"/admin/events/apikey/{key.pk}/change/",
        {"name": "y", "expires_at_0": "", "expires_at_1": ""},
    )
    race(page, form, "UPDATE events_apikey SET revoked_at = now() WHERE id = %s", key.pk)
    key.refresh_from_db()
    assert (key.name, key.revoked_at is None) == ("y", False)
    hook.refresh_from_db()
    assert (hook.name, hook.secret) == ("x", "new")
    assert Owner.objects.get(pk=owner.pk).monthly_quota == 5
    assert not Membership.objects.filter(pk=gone.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_exports_that_are_requested_at_the_same_time_are_counted(make_sender: MakeSender) -> None:
    reads = make_sender("A", kind=KeyType.SECRET)
    made = [
        jobs.request_export(KeyUser(reads.key), "", "csv", "", "x.csv", timezone.now(), what="usage")
        for _ in range(jobs.MOST_OPEN)
    ]
    job = made[-1]
    assert job is not None
    assert jobs.cancel(job, "For a test.", timezone.now())
    answers: list[int] = []

    def request() -> None:
        sent = {"what": "usage", "format": "csv"}
        headers = {"Authorization": f"Bearer {reads.text}"}
        try:
            answer = Client().post("/api/v1/exports/", sent, "application/json", headers=headers)
            answers.append(answer.status_code)
        finally:
            connections.close_all()

    requesting = Thread(target=request)
    last = (
        "WITH mine AS (SELECT id FROM events_apikey WHERE id = %s FOR NO KEY UPDATE) UPDATE events_exportjob"
        " SET state = 'waiting' WHERE key_id IN (SELECT id FROM mine)"
    )
    with meanwhile(last, reads.key.pk):
        requesting.start()
    requesting.join()
    assert answers == [429]
