"""A replay files events that are accepted now, once, in their hour of receipt, and keeps counters correct."""

import json
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from events.event import Event
from events.ownership.owner import Owner
from events.store.details import as_wire
from events.store.usage import UsageHour
from ingestion.dialects.decoding import Payload, Rejected
from ingestion.filing.claims import Claim
from ingestion.filing.pipeline import submission
from ingestion.receiving import admission
from ingestion.rejected import replaying, revalidation
from ingestion.rejected.event import RejectedEvent
from tests.rejected.conftest import is_balanced, pageless, refused, set_validation, strict_fault
from tests.sending import AVAILITY, EMIT, MakeSender, Sender, emitted, file_all, log_event, message


@pytest.fixture
def strict(make_sender: MakeSender) -> Sender:
    """A sender whose owner uses strict validation until a test changes it."""
    made = make_sender("Strict team", owners="all")
    set_validation(made, "strict")
    return made


def all_of(rows: list[RejectedEvent]) -> list[int]:
    return [row.pk for row in rows]


def counters(owner: Owner) -> dict[str, int]:
    found = UsageHour.objects.filter(owner=owner)
    names = ("received", "stored", "duplicates", "rejected")
    return {name: sum(getattr(row, name) for row in found) for name in names}


def test_an_event_that_is_accepted_now_is_stored(strict: Sender) -> None:
    rows = refused(strict, strict_fault())
    set_validation(strict, "lenient")

    done = replaying.replay(all_of(rows), None)

    assert (done.rows, done.stored, done.rejected) == (1, 1, 0)
    event = Event.objects.get()
    assert event.client_event_id == "LOG:strict"
    assert event.received_at == rows[0].received_at
    assert not RejectedEvent.objects.exists()
    owner = strict.key.default_owner
    assert counters(owner) == {"received": 1, "stored": 1, "duplicates": 0, "rejected": 0}
    assert is_balanced()


def test_an_event_that_fails_again_stays_with_its_new_reason(strict: Sender) -> None:
    event = strict_fault() | {"edata": {"type": "system", "level": "INFO"}}
    rows = refused(strict, event)
    RejectedEvent.objects.update(code="unknown_field", path="unknown", message="old")

    done = replaying.replay(all_of(rows), None)

    assert (done.stored, done.rejected) == (0, 1)
    row = RejectedEvent.objects.get()
    assert (row.code, row.message) != ("unknown_field", "old")
    assert row.pk == rows[0].pk
    assert is_balanced()


def test_repeats_of_a_rejected_event_become_duplicates(strict: Sender) -> None:
    event = strict_fault()
    refused(strict, event)
    rows = refused(strict, event)
    assert rows[0].seen == 2
    set_validation(strict, "lenient")
    replaying.replay(all_of(rows), None)
    owner = strict.key.default_owner
    assert counters(owner) == {"received": 2, "stored": 1, "duplicates": 1, "rejected": 0}
    assert is_balanced()


def test_an_event_stored_in_the_meantime_is_a_duplicate(strict: Sender) -> None:
    event = strict_fault()
    rows = refused(strict, event)
    set_validation(strict, "lenient")
    strict.batch(event)
    file_all()

    done = replaying.replay(all_of(rows), None)

    assert (done.stored, done.duplicates) == (0, 1)
    assert Event.objects.count() == 1
    assert is_balanced()


def test_the_hour_of_receipt_is_kept(strict: Sender) -> None:
    rows = refused(strict, strict_fault())
    ago = timezone.now() - timedelta(hours=5)
    RejectedEvent.objects.update(received_at=ago)
    UsageHour.objects.update(hour=ago.replace(minute=0, second=0, microsecond=0))
    set_validation(strict, "lenient")
    replaying.replay(all_of(rows), None)
    assert Event.objects.get().received_at == ago
    assert is_balanced()


def test_messages_without_an_id_are_separate_events(strict: Sender) -> None:
    strict.post(AVAILITY, message(owner="Strict team", telemetryBody={"level": 1}))
    strict.post(AVAILITY, message(owner="Strict team", telemetryBody={"level": 2}))
    file_all()
    rows = list(RejectedEvent.objects.all())
    moment = timezone.now()
    for row in rows:
        row.body = json.dumps(message(owner="Strict team", payerId=str(row.pk))).encode()
        row.received_at = moment
        row.save()
    UsageHour.objects.update(hour=moment.replace(minute=0, second=0, microsecond=0))

    done = replaying.replay(all_of(rows), None)

    assert done.stored == 2
    assert is_balanced()


def test_an_idempotency_key_identifies_the_event_after_a_replay(sender: Sender) -> None:
    bad = message(owner="YourTeam", telemetryBody={"level": 1})
    sender.post(AVAILITY, bad, **{"Idempotency-Key": "once"})
    file_all()
    row = RejectedEvent.objects.get()
    done = replaying.replay_edited(row.pk, json.dumps(message(owner="YourTeam")).encode(), None)
    assert done.stored == 1
    first = Event.objects.get()
    assert first.client_event_id == "once"
    sender.post(AVAILITY, bad, **{"Idempotency-Key": "once"})
    file_all()
    again = RejectedEvent.objects.get()
    done = replaying.replay_edited(again.pk, json.dumps(message(owner="YourTeam")).encode(), None)
    assert (done.stored, done.duplicates) == (0, 1)
    assert is_balanced()


def test_a_message_is_filed_under_the_owner_it_names_once_that_exists(
    sender: Sender, make_sender: MakeSender
) -> None:
    sender.post(AVAILITY, message(owner="New team", source_system=5))
    file_all()
    row = RejectedEvent.objects.select_related("owner").get()
    assert row.owner == sender.key.default_owner
    mended = json.dumps(message(owner="New team")).encode()

    assert replaying.replay_edited(row.pk, mended, None).fault is not None
    team = make_sender("New team").key.default_owner
    mine_only = replaying.replay_edited(row.pk, mended, {row.owner_id})
    assert mine_only.fault is not None
    assert mine_only.fault.code == "owner_not_allowed"
    done = replaying.replay_edited(row.pk, mended, {row.owner_id, team.pk})

    assert done.stored == 1
    assert Event.objects.get().owner_id == team.pk
    assert counters(row.owner)["received"] == 0
    assert counters(team) == {"received": 1, "stored": 1, "duplicates": 0, "rejected": 0}
    assert is_balanced()


def test_rejected_events_of_other_owners_are_not_replayed(strict: Sender, make_sender: MakeSender) -> None:
    rows = refused(strict, strict_fault())
    set_validation(strict, "lenient")
    other = make_sender("Other").key.default_owner
    assert replaying.replay(all_of(rows), {other.pk}).rows == 0
    assert replaying.replay(all_of(rows), frozenset()).rows == 0
    assert RejectedEvent.objects.count() == 1


def test_an_edited_event_is_filed_or_leaves_the_original_unchanged(team_a: Sender) -> None:
    (row,) = refused(team_a)
    before = bytes(row.body)
    still_bad = pageless() | {"edata": {}}
    failed = replaying.replay_edited(row.pk, json.dumps(still_bad).encode(), None)
    assert failed.fault is not None
    row.refresh_from_db()
    assert bytes(row.body) == before

    good = pageless() | {"edata": {"type": "view", "pageid": "home", "uri": "/home"}}
    done = replaying.replay_edited(row.pk, json.dumps(good).encode(), None)

    assert done.stored == 1
    assert as_wire(Event.objects.get()) == good
    assert is_balanced()


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b"{", b'{"a": NaN}', b"\xff", b"[" * 5000])
@pytest.mark.parametrize("way", ["sunbird", "form"])
def test_an_edit_that_is_not_an_event_is_never_filed(sender: Sender, text: bytes, way: str) -> None:
    if way == "sunbird":
        refused(sender)
    else:
        sender.post(AVAILITY, "owner=YourTeam", content_type="application/x-www-form-urlencoded")
        file_all()
    row = RejectedEvent.objects.get()
    assert replaying.replay_edited(row.pk, text, None).fault is not None
    assert RejectedEvent.objects.count() == 1
    assert is_balanced()


FORM = (
    "customerId=1194&contact=a%40b.com&owner=YourTeam&source_system=portal&version={version}"
    "&payerId=A1&sessionId=s&telemetryBody.level=info&telemetryBody.entries.event=submit"
    "&telemetryBody.entries.action=click&telemetryBody.entries.label=Submit"
    "&telemetryBody.entries.category=form&telemetryBody.entries.elementId=e1&telemetryBody.entries.userId=u1"
)


def test_a_form_is_replayed_as_a_form(sender: Sender) -> None:
    sender.post(AVAILITY, FORM.format(version="77"), content_type="application/x-www-form-urlencoded")
    file_all()
    row = RejectedEvent.objects.get()
    assert replaying.replay([row.pk], None).fault is not None
    row.body = FORM.format(version="1").encode()
    row.save()
    assert replaying.replay([row.pk], None).stored == 1
    assert is_balanced()


def test_events_of_a_request_rejected_as_a_whole_are_replayed_separately(sender: Sender) -> None:
    owner = sender.key.default_owner
    body = json.dumps({"events": [log_event("LOG:a"), pageless(), log_event("LOG:b")]}).encode()
    parts = Payload("sunbird", "json", body, timezone.now(), False, {})
    whole_request(owner, parts)

    row = RejectedEvent.objects.get()
    done = replaying.replay([row.pk], None)

    assert (done.stored, done.rejected) == (2, 1)
    assert {event.client_event_id for event in Event.objects.all()} == {"LOG:a", "LOG:b"}
    assert RejectedEvent.objects.get().code == "missing"
    assert is_balanced()


def test_the_only_event_of_a_whole_request_is_rejected_with_its_own_reason(sender: Sender) -> None:
    body = json.dumps({"events": [pageless()]}).encode()
    whole_request(sender.key.default_owner, Payload("sunbird", "json", body, timezone.now(), False, {}))
    replaying.replay([RejectedEvent.objects.get().pk], None)
    row = RejectedEvent.objects.get()
    assert json.loads(bytes(row.body))["eid"] == "IMPRESSION"
    assert (row.code, row.client_event_id) == ("missing", "IMPRESSION:1")
    assert is_balanced()


def whole_request(owner: Owner, parts: Payload) -> None:
    """Store a rejected request as the drain stores one that it can't decode."""
    from events.store import usage
    from events.store.usage import UsageDelta
    from events.wire.validators import Fault
    from ingestion.dialects.decoding import Rejected
    from ingestion.rejected import writing
    from ingestion.rejected.writing import Rejection

    tally = UsageDelta()
    with transaction.atomic():
        fault = Fault("unfileable", "", "The request could not be decoded.")
        writing.write([Rejection(owner, parts, Rejected(0, parts.body, fault))], tally)
        usage.apply_delta(tally)


def test_a_replay_beyond_a_refusing_quota_stays_rejected(strict: Sender) -> None:
    rows = refused(strict, strict_fault())
    set_validation(strict, "lenient")
    owner = strict.key.default_owner
    owner.monthly_quota, owner.over_quota = 0, "refuse"
    owner.save()
    admission.forget()
    assert replaying.replay(all_of(rows), None).rejected == 1
    assert RejectedEvent.objects.get().code == "quota_exceeded"
    assert is_balanced()


def test_a_replay_beyond_a_marking_quota_is_marked(strict: Sender) -> None:
    rows = refused(strict, strict_fault())
    set_validation(strict, "lenient")
    owner = strict.key.default_owner
    owner.monthly_quota, owner.over_quota = 0, "mark"
    owner.save()
    admission.forget()
    assert replaying.replay(all_of(rows), None).stored == 1
    assert Event.objects.get().over_quota
    assert is_balanced()


def test_an_event_that_cannot_be_filed_does_not_affect_others(
    strict: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = refused(strict, strict_fault("LOG:1"), strict_fault("LOG:poison"), strict_fault("LOG:3"))
    set_validation(strict, "lenient")

    def fails(claim: Claim, owner: Owner, accepted: Any, facts: Any) -> Any:
        if b"poison" in accepted.raw:
            raise RuntimeError
        return submission(claim, owner, accepted, facts)

    monkeypatch.setattr("ingestion.rejected.replaying.submission", fails)
    done = replaying.replay(all_of(rows), None)
    assert (done.stored, done.rejected) == (2, 1)
    assert RejectedEvent.objects.get().code == "unfileable"
    assert is_balanced()


@pytest.mark.django_db(transaction=True)
def test_concurrent_replays_file_each_event_once(strict: Sender) -> None:
    rows = refused(strict, *(strict_fault(f"LOG:{number}") for number in range(50)))
    set_validation(strict, "lenient")
    results = []

    def work() -> None:
        try:
            results.append(replaying.replay(all_of(rows), None))
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(done.stored for done in results) == 50
    assert sum(done.rows for done in results) == 50
    assert Event.objects.count() == 50
    assert is_balanced()


def test_buildless_events_keep_their_id_in_a_replay(sender: Sender) -> None:
    event = emitted()
    event["event"]["timing"] = {}
    sender.post(EMIT, event)
    file_all()
    row = RejectedEvent.objects.get()
    assert replaying.replay_edited(row.pk, json.dumps(emitted()).encode(), None).stored == 1
    assert Event.objects.get().client_event_id == "abcdefghij0123456789"
    assert is_balanced()


def test_a_message_of_a_removed_week_is_too_old(sender: Sender, settings: Any) -> None:
    settings.RETENTION_WEEKS = 1
    sender.post(AVAILITY, message(version="9"))
    file_all()
    row = RejectedEvent.objects.get()
    row.received_at -= timedelta(days=30)

    (judged,) = revalidation.revalidate(row, None, edited=json.dumps(message()).encode())

    assert isinstance(judged.verdict, Rejected)
    assert judged.verdict.fault.code == "too_old"
    assert judged.verdict.fault.message.startswith("The time of receipt is before ")
