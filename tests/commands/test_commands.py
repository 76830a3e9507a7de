"""The operator's commands: stable names, stable output."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

import manage
from events.access import Access
from events.event import Event
from events.ownership.api_key import ApiKey
from events.ownership.owner import Organization, Owner
from events.store.usage import UsageHour
from ingestion.filing.drain import drain_block
from ingestion.filing.pipeline import Filed
from ingestion.management.commands import drain as drain_command
from tests.factories import person
from tests.sending import Sender, log_event

LOCKED = "DO $$ BEGIN RAISE EXCEPTION 'held' USING ERRCODE = 'lock_not_available'; END $$"


def run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output, stderr=StringIO())
    return output.getvalue()


def test_create_key_prints_the_key_on_the_last_line_and_creates_missing_owners(db: None) -> None:
    key = run("create_key", "--owner", "Team A").splitlines()[-1]
    made = ApiKey.objects.get()
    assert made.matches(key)
    assert (made.type, made.default_owner.name, made.organization.slug) == (
        "publishable",
        "Team A",
        "default",
    )
    run("create_key", "--owner", "team a", "--type", "secret")
    assert (Owner.objects.count(), Organization.objects.count(), ApiKey.objects.count()) == (1, 1, 2)


def test_create_key_takes_a_list_of_owners_or_all(db: None) -> None:
    run("create_key", "--owner", "A", "--owners", "B, C", "--type", "secret")
    key = ApiKey.objects.get()
    assert {owner.name for owner in Access.of_key(key).owners} == {"A", "B", "C"}
    assert not key.all_owners
    run("create_key", "--owner", "A", "--owners", "all", "--type", "secret")
    assert ApiKey.objects.filter(all_owners=True).count() == 1


def test_create_key_requires_open_to_anyone_for_a_publishable_key_of_all_owners(db: None) -> None:
    with pytest.raises(CommandError, match=r"write events for every owner.*--open-to-anyone"):
        run("create_key", "--owner", "A", "--owners", "all")
    assert not Owner.objects.exists()
    run("create_key", "--owner", "A", "--owners", "all", "--open-to-anyone")
    assert ApiKey.objects.get().all_owners


def test_create_key_sets_the_given_permissions(db: None) -> None:
    person("lena")
    for chosen in ("write", "read", "write,read", "read, manage"):
        run("create_key", "--owner", "A", "--type", "secret", "--permissions", chosen, "--person", "lena")
        made = ApiKey.objects.latest("pk")
        assert made.permissions == tuple(chosen.replace(" ", "").split(","))
        assert str(made.person) == "lena"
    with pytest.raises(CommandError, match="say for whom"):
        run("create_key", "--owner", "A", "--type", "secret", "--permissions", "manage")
    with pytest.raises(CommandError, match="No active account has the username nobody"):
        run("create_key", "--owner", "A", "--person", "nobody")
    with pytest.raises(CommandError, match="no permission 'both'"):
        run("create_key", "--owner", "A", "--type", "secret", "--permissions", "both")
    with pytest.raises(CommandError, match="can only write"):
        run("create_key", "--owner", "A", "--permissions", "read")


def test_create_key_sets_the_owners_validation(db: None) -> None:
    run("create_key", "--owner", "A", "--validation", "strict")
    assert Owner.objects.get().validation == "strict"
    run("create_key", "--owner", "A")
    assert Owner.objects.get().validation == "strict"


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
def test_create_key_refuses_invalid_names(db: None, name: str) -> None:
    with pytest.raises(CommandError, match=r"name|blank"):
        run("create_key", "--owner", name)


def test_drain_prints_what_it_did(sender: Sender) -> None:
    sender.batch(log_event(), {"eid": "x"})
    assert "1 requests: 1 events stored, 0 duplicates, 1 rejected." in run("drain")
    assert "0 requests" in run("drain")


def test_drain_ends_while_others_keep_sending(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def file_while_others_send() -> Filed:
        filed.append(drain_block())
        assert len(filed) < 5, "it runs as long as others send"
        sender.batch(log_event())
        return filed[-1]

    filed: list[Filed] = []
    sender.batch(log_event())
    monkeypatch.setattr(drain_command, "drain_block", file_while_others_send)
    assert "1 requests: 1 events stored" in run("drain")


def test_verify_passes_before_and_after_filing(sender: Sender, verifiable: None) -> None:
    sender.batch(log_event(), {"eid": "x"})
    assert "All agrees: 0 events, 0 rejected, 2 waiting." in run("verify")
    run("drain")
    assert "All agrees: 1 events, 1 rejected, 0 waiting." in run("verify")


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


DAMAGE = {
    "a kind row lost": "DELETE FROM events_log",
    "an envelope lost": "DELETE FROM events_event",
    "a counter off": "UPDATE events_usagehour SET stored = stored + 1",
    "billed bytes off": "UPDATE events_usagehour SET billed_bytes = 0",
    "a rejected event lost": "DELETE FROM ingestion_rejectedevent",
    "received off": "UPDATE events_usagehour SET received = received + 1",
    "a time off": "UPDATE events_event SET occurred_at = occurred_at - interval '1 hour'",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_verify_finds_damage(sender: Sender, verifiable: None, damage: str) -> None:
    sender.batch(log_event(), {"eid": "x"})
    run("drain")
    _execute(DAMAGE[damage])
    with pytest.raises(CommandError, match="found differences"):
        run("verify")


@pytest.fixture
def verifiable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the isolation level alone: the test's transaction has begun and can't change it."""
    from ingestion import verification

    monkeypatch.setattr(verification, "freeze", lambda: None)


@pytest.mark.django_db(transaction=True)
def test_verify_reads_one_snapshot(client: Client) -> None:
    assert "All agrees" in run("verify")


def test_manage_partitions_creates_the_weeks_ahead(db: None) -> None:
    assert "partitions of 20 tables, 0 of them new." in run("manage_partitions")


def test_livez_and_readyz_succeed(db: None, client: Client) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (200, "ok")
    assert ready.json()["broker"] == "ok"


def test_readyz_fails_while_migrations_are_pending(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    MigrationRecorder(connection).record_unapplied("events", "0001_initial")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["database"]) == (503, "migrations pending")


def test_usage_matches_the_stored_event(sender: Sender) -> None:
    sender.batch(log_event())
    run("drain")
    usage: Any = UsageHour.objects.get()
    assert (usage.stored, usage.billed_bytes) == (1, Event.objects.get().billed_bytes)


@pytest.mark.parametrize(
    ("statement", "said"),
    [("SELECT 1", "Is Tally running"), (LOCKED, "another process is working on the same rows")],
)
def test_database_errors_are_explained_without_a_traceback(
    statement: str, said: str, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: list[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        raise OperationalError("connection refused")

    monkeypatch.setattr(manage, "execute_from_command_line", fail)
    with pytest.raises(SystemExit, match=said):
        manage.main()
