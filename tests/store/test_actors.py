"""Erasing and exporting an actor of one owner: all of its data, and no other."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.event import Event
from events.identity import milliseconds, week_of
from events.kinds import KINDS
from events.partitioned.partitions import make_partitions
from events.sessions.session import Session
from events.store import erasing, pending
from events.store.retention import weeks
from events.store.usage import UsageHour, hour_of
from ingestion.erasure import actors
from ingestion.rejected.discarding import DiscardedEvent
from ingestion.rejected.event import RejectedEvent
from tests.sending import AVAILITY, EMIT, MakeSender, Sender, emitted, file_all, log_event, message
from tests.sessions.stored import summarise_due
from tests.store.test_removal import differences, typed

__all__ = ["typed"]
FORM = "application/x-www-form-urlencoded"
CONTEXT = {"channel": "c1", "env": "home", "pdata": {"id": "portal"}, "did": "d1"}


def event(mid: str, actor: str, sid: str = "s1", days: int = 0, **changes: Any) -> dict[str, Any]:
    # Times are in the order of the IDs.
    at = milliseconds(timezone.now() - timedelta(days=days, seconds=10 - int(mid)))
    about: dict[str, Any] = {"actor": {"id": actor, "type": "User"}, "context": CONTEXT | {"sid": sid}}
    return log_event(mid, ets=at, **about) | changes


def run(command: str, *arguments: str) -> str:
    output = StringIO()
    call_command(command, "--owner=YourTeam", *arguments, stdout=output, stderr=StringIO())
    return output.getvalue()


@pytest.fixture
def filled(sender: Sender, make_sender: MakeSender) -> Sender:
    """Ann has a session with Ben, one alone, and one long ago. Another owner also has an Ann."""
    impression: dict[str, Any] = {"eid": "IMPRESSION", "edata": {"type": "view", "pageid": "p", "uri": "/"}}
    sender.batch(
        event("1", "ann"),
        event("2", "ben"),
        event("3", "ann", "alone", **impression),
        event("4", "ann", "old", days=30),
        event("5", "ann b"),
    )
    make_sender(owner="Others").batch(event("1", "ann"))
    file_all()
    summarise_due()
    return sender


def left() -> list[tuple[str | None, str]]:
    return list(Event.objects.order_by("id").values_list("actor", "owner__name"))


def test_an_actor_is_erased_with_its_sessions(filled: Sender) -> None:
    billed = Event.objects.filter(actor="ann", owner__name="YourTeam").aggregate(n=Sum("billed_bytes"))["n"]
    assert "Erased 3 events and 0 rejected events." in run("erase_actor", "--actor=ann", "--yes")
    assert sorted(left()) == [("ann", "Others"), ("ann b", "YourTeam"), ("ben", "YourTeam")]
    assert KINDS["impression"].model._default_manager.count() == 0
    mine = Session.objects.filter(owner=filled.key.default_owner)
    assert list(mine.values_list("session", "events", "actor")) == [("s1", 2, "ben")]
    sums = UsageHour.objects.filter(hour=hour_of(timezone.now())).aggregate(
        Sum("removed"), Sum("removed_bytes"), Sum("stored")
    )
    assert sums == {"removed__sum": 3, "removed_bytes__sum": billed, "stored__sum": 6}
    assert differences() == []


def test_changed_quarters_become_pending(filled: Sender) -> None:
    then = Event.objects.filter(actor="ann", owner=filled.key.default_owner).values_list(
        "occurred_at", flat=True
    )
    quarters = {pending.quarter_at(at) for at in then}
    pending.TouchedQuarter.objects.all().delete()
    for week in weeks():
        list(erasing.erase_week(filled.key.default_owner, "ann", week, timezone.now()))
    found = pending.TouchedQuarter.objects.filter(of_sessions=False)
    assert {pending.quarter_at(row.quarter) for row in found} == quarters
    assert {row.owner_id for row in found} == {filled.key.default_owner_id}


def test_the_audit_trail_records_an_erasure_without_the_id(filled: Sender) -> None:
    run("erase_actor", "--actor=ann", "--yes")
    entry = AuditEntry.objects.get(action="actor.erased")
    assert entry.owner == filled.key.default_owner
    assert (entry.after["events"], entry.after["rejected"]) == (3, 0)
    assert "ann" not in entry.about
    assert entry.about == actors.fingerprint(filled.key.default_owner, "ann")
    begun = AuditEntry.objects.get(action="actor.erasure_begun")
    assert (begun.about, begun.pk < entry.pk) == (entry.about, True)


def test_an_interrupted_erasure_commits_whole_batches_and_can_be_repeated(
    filled: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A week without events, as other tests may leave one, isn't a batch.
    make_partitions([week_of(timezone.now() - timedelta(days=70))])
    monkeypatch.setattr(erasing, "BATCH", 1)
    batches: list[int] = []
    mark = pending.add_sessions

    def fail_at_second(spans: Any) -> None:
        batches.append(1)
        if len(batches) == 2:
            raise KeyboardInterrupt
        mark(spans)

    monkeypatch.setattr(pending, "add_sessions", fail_at_second)
    with pytest.raises(KeyboardInterrupt):
        run("erase_actor", "--actor=ann", "--yes")
    assert len(left()) == 5
    assert differences() == []
    assert AuditEntry.objects.get(action="actor.erased").after["events"] == 1
    assert "Erased 2 events" in run("erase_actor", "--actor=ann", "--yes")
    assert differences() == []


def test_an_erasure_is_confirmed_by_typing_the_number_of_events(
    filled: Sender, typed: Callable[[str], None]
) -> None:
    assert "3 events and 0 rejected events of this actor of YourTeam." in run(
        "erase_actor", "--actor=ann", "--dry-run"
    )
    typed("y")
    with pytest.raises(CommandError, match="Nothing was erased"):
        run("erase_actor", "--actor=ann")
    assert len(left()) == 6
    typed("3")
    run("erase_actor", "--actor=ann")
    assert len(left()) == 3


def test_erasing_an_unknown_actor_is_refused(filled: Sender) -> None:
    assert "0 events" in run("erase_actor", "--actor=an", "--yes")
    with pytest.raises(CommandError, match="no owner"):
        call_command("erase_actor", "--owner=Nobody", "--actor=ann")
    assert len(left()) == 6


def test_an_organization_distinguishes_owners_of_the_same_name(
    filled: Sender, make_sender: MakeSender
) -> None:
    make_sender(organization_slug="other").batch(event("1", "ann"))
    with pytest.raises(CommandError, match="one of acme, other"):
        run("erase_actor", "--actor=ann", "--yes")
    assert "Erased 1 events" in run("erase_actor", "--actor=ann", "--organization=other", "--yes")


def test_waiting_requests_are_filed_before_an_erasure(sender: Sender) -> None:
    sender.batch(event("1", "ann"))
    assert "Erased 1 events" in run("erase_actor", "--actor=ann", "--yes")
    assert left() == []


@pytest.mark.parametrize("mode", ["keep", "replace"])
def test_an_email_address_is_found_by_its_hash_in_any_case(sender: Sender, settings: Any, mode: str) -> None:
    settings.EMAIL_ADDRESSES = mode
    sender.batch(event("1", "ann@example.com"), event("2", "Ann@Example.com"), event("3", "ben@example.com"))
    file_all()
    summarise_due()
    assert "Erased 2 events" in run("erase_actor", "--actor=ann@example.com", "--yes")
    assert Event.objects.count() == 1


# Bodies of rejected events, and whether they belong to the actor.
BAD = {
    "of the actor": ("ann", event("1", "ann", edata={"type": 1}), True),
    "of another": ("ann", event("1", "ben", edata={"type": 1}), False),
    "of another, whose id begins so": ("ann", event("1", "anna", edata={"type": 1}), False),
    "of another, who mentions it": ("ann", event("1", "ben", edata={"type": 1, "message": "ann"}), False),
    "without an actor, but with the id": ("ann", log_event(actor={"name": "ann"}), True),
    "without an actor, with a longer word": ("ann", log_event(actor={"name": "joanna"}), False),
    "escaped": ("ån", event("1", "ån", edata={"type": 1}), True),
    "an address in another case": ("Ann@a.example", event("1", "ann@a.example", edata={"type": 1}), True),
}


@pytest.mark.parametrize("case", BAD)
def test_rejected_events_of_the_actor_are_erased(sender: Sender, case: str) -> None:
    actor, wire, goes = BAD[case]
    sender.batch(wire)
    file_all()
    assert RejectedEvent.objects.count() == 1
    run("erase_actor", f"--actor={actor}", "--yes")
    assert (RejectedEvent.objects.count(), DiscardedEvent.objects.count()) == ((0, 1) if goes else (1, 0))
    if goes:
        kept = DiscardedEvent.objects.get()
        assert (kept.client_event_id, kept.reason) == ("", actors.ERASED)
    assert differences() == []


@pytest.mark.parametrize("is_form", [False, True])
def test_rejected_messages_that_named_an_owner_before_it_existed_are_erased(
    make_sender: MakeSender, is_form: bool
) -> None:
    sender = make_sender(owners="all")
    for named, actor in (("Others & Sons", "ann"), ("Others & Sons", "ben"), ("Else", "ann")):
        body = {"level": "info", "entries": {"event": "submit", "userId": actor}}
        if is_form:
            form = f"owner={quote_plus(named)}&version=7&telemetryBody%5Bentries%5D%5BuserId%5D={actor}"
            sender.post(AVAILITY, form, FORM)
        else:
            sender.post(AVAILITY, message(owner=named.upper(), version=7, telemetryBody=body))
    file_all()
    assert set(RejectedEvent.objects.values_list("owner__name", flat=True)) == {"YourTeam"}
    make_sender(owner="Others & Sons")
    said = run("erase_actor", "--owner=Others & Sons", "--actor=ann", "--yes")  # the last --owner wins
    assert "Erased 0 events and 1 rejected events." in said
    assert RejectedEvent.objects.count() == 2


def test_rejected_events_of_other_formats_are_erased(sender: Sender) -> None:
    entries = {"event": "submit", "userId": "ann"}
    sender.post(AVAILITY, message(version=7, telemetryBody={"level": "info", "entries": entries}))
    sender.post(AVAILITY, "version=7&telemetryBody%5Bentries%5D%5BuserId%5D=ann", FORM)
    sender.post(EMIT, emitted(user="ann", timing={"occurred": "x"}))
    sender.post(EMIT, emitted(detail={"user": {"uid": "ann"}}, timing={"occurred": "y"}))
    sender.post(EMIT, emitted(user="ben", timing={"occurred": "z"}))
    file_all()
    before = RejectedEvent.objects.count()
    run("erase_actor", "--actor=ann", "--yes")
    assert before - RejectedEvent.objects.count() == 4
    assert b"ben" in bytes(RejectedEvent.objects.get().body)


def test_an_export_has_all_data_of_the_actor_and_no_other(filled: Sender, tmp_path: Path) -> None:
    bad = event("9", "ann", edata={"type": 1})
    filled.batch(bad)
    path = tmp_path / "ann.ndjson"
    run("export_actor", "--actor=ann", f"--output={path}")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    events = [record for record in records if record["record"] == "event"]
    assert [record["client_event_id"] for record in events] == ["4", "1", "3"]
    assert {record["wire"]["actor"]["id"] for record in events} == {"ann"}
    assert {record["owner"] for record in events} == {"YourTeam"}
    sessions = [record for record in records if record["record"] == "session"]
    assert [(record["session"], record["pages"]) for record in sessions] == [
        ("old", []),
        ("s1", []),
        ("alone", ["p"]),
    ]
    (rejected,) = [record for record in records if record["record"] == "rejected"]
    assert json.loads(rejected["body"]) == bad
    entry = AuditEntry.objects.get(action="actor.exported")
    assert entry.after == {"event": 3, "session": 3, "rejected": 1}
    assert "ann" not in entry.about


def test_an_export_can_be_written_to_stdout_and_overwrites_no_file(filled: Sender, tmp_path: Path) -> None:
    assert len(run("export_actor", "--actor=ann").splitlines()) == 6
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(FileExistsError):
        run("export_actor", "--actor=ann", f"--output={there}")
    assert there.read_text() == "mine"
