"""The drain: blocks, attempts, poison, partitions, sources, touched sessions."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from events.event import Event
from events.identity import week_of
from events.ownership.source import OVERFLOW, UNKNOWN, Source
from events.partitions import existing_partitions, partition_name
from events.store import filing
from events.store.submission import Submission
from events.store.touched import TouchedSession
from ingestion import drain as draining
from ingestion.drain import drain, drain_block
from ingestion.draining import tick
from ingestion.inbox import InboxRequest
from ingestion.rejected import RejectedEvent
from tests.sending import SUNBIRD, Sender, file_all, log_event, now_ms


def test_a_block_is_bounded_by_requests_by_events_and_by_bytes(sender: Sender, settings: Any) -> None:
    for n in range(6):
        sender.batch(log_event(f"{n}a"), log_event(f"{n}b"))
    settings.DRAIN_BLOCK_REQUESTS = 1
    assert drain_block().requests == 1
    settings.DRAIN_BLOCK_REQUESTS = 100
    settings.DRAIN_BLOCK_EVENTS = 4
    assert drain_block().stored == 4
    settings.DRAIN_BLOCK_EVENTS = 100
    settings.DRAIN_BLOCK_BYTES = 1
    assert drain_block().requests == 1
    settings.DRAIN_BLOCK_BYTES = 10_000
    assert drain().stored == 4


def test_a_full_block_calls_for_help_once(sender: Sender, settings: Any) -> None:
    settings.DRAIN_BLOCK_REQUESTS = 2
    for n in range(7):
        sender.batch(log_event(str(n)))
    calls: list[int] = []
    assert tick(call_for_help=lambda: calls.append(1)).stored == 7
    assert calls == [1]


def test_an_empty_inbox_calls_nobody(db: None) -> None:
    calls: list[int] = []
    assert tick(call_for_help=lambda: calls.append(1)).requests == 0
    assert calls == []


def test_a_block_that_fails_stays_in_the_inbox_with_its_attempt_counted(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.batch(log_event())

    def fail(*_: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(filing, "file", fail)
    for attempt in (1, 2, 3):
        with pytest.raises(RuntimeError):
            drain_block()
        assert InboxRequest.objects.get().attempts == attempt
    monkeypatch.undo()
    assert file_all().stored == 1


def test_after_three_attempts_a_request_is_taken_apart_and_its_neighbours_are_stored(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.batch(log_event("good"), log_event("poison"), log_event("fine"))
    sender.batch(log_event("other request"))
    InboxRequest.objects.filter(events=3).update(attempts=3)
    rows_of = filing.rows_of

    def fail_on_poison(submissions: list[Submission]) -> Any:
        if any(submission.identity == "poison" for submission in submissions):
            raise ValueError("can't be filed")
        return rows_of(submissions)

    monkeypatch.setattr(filing, "rows_of", fail_on_poison)
    done = file_all()
    assert (done.stored, done.rejected, done.requests) == (3, 1, 2)
    kept = RejectedEvent.objects.get()
    assert (kept.code, kept.message) == ("unfileable", "The event could not be filed: ValueError.")
    assert b"poison" in bytes(kept.body)


def test_a_request_that_cannot_be_decoded_is_rejected_as_a_whole_and_blocks_nobody(sender: Sender) -> None:
    sender.batch(log_event("bad"))
    InboxRequest.objects.update(body=b"not a batch any more", attempts=3)
    sender.batch(log_event("good"))
    done = file_all()
    assert (done.stored, done.rejected) == (1, 1)
    assert bytes(RejectedEvent.objects.get().body) == b"not a batch any more"


def test_a_deadlock_is_tried_again(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    sender.batch(log_event())
    file_block, failures = draining._file_block, [1, 1]

    def victim(ids: list[int]) -> Any:
        if failures:
            failures.pop()
            error = OperationalError("deadlock detected")
            error.__cause__ = type("Deadlock", (Exception,), {"sqlstate": "40P01"})()
            raise error
        return file_block(ids)

    monkeypatch.setattr(draining, "_file_block", victim)
    assert file_all().stored == 1


def test_a_late_event_gets_its_partition_on_demand(sender: Sender) -> None:
    late = timezone.now() - timedelta(days=200)
    sender.batch(log_event(ets=int(late.timestamp() * 1000)))
    assert file_all().stored == 1
    assert partition_name("events_event", week_of(late)) in existing_partitions()
    assert partition_name("events_log", week_of(late)) in existing_partitions()


def test_the_bounds_of_age_are_settings(sender: Sender, settings: Any) -> None:
    settings.EVENT_MAX_AGE_DAYS, settings.EVENT_MAX_AHEAD_HOURS = 2, 1
    day, hour = 86_400_000, 3_600_000
    offsets = [-3 * day, -2 * day + hour, hour // 2, 2 * hour]
    result = sender.batch(*(log_event(str(n), ets=now_ms() + n) for n in offsets))
    assert [error["code"] for error in result["errors"]] == ["too_old", "too_far_ahead"]
    assert result["rejected_indexes"] == [0, 3]
    file_all()


def source_of(name: Any) -> Any:
    return {"channel": "c", "env": "e", "pdata": {"id": name}}


def test_sources_are_made_at_first_sight_compared_without_case(sender: Sender) -> None:
    for n, name in enumerate(["Portal", "portal ", "PORTAL", "", "  "]):
        sender.batch(log_event(str(n), context=source_of(name)))
    file_all()
    assert set(Source.objects.values_list("name", flat=True)) == {"Portal", UNKNOWN}
    names = {event.as_wire()["context"]["pdata"]["id"] for event in Event.objects.all()}
    assert names == {"Portal", "portal ", "PORTAL", "", "  "}


def test_sources_over_the_cap_overflow_and_their_events_keep_the_name(sender: Sender, settings: Any) -> None:
    settings.MAX_SOURCES = 2
    events = [log_event(str(n), context=source_of(f"app-{n}")) for n in range(5)]
    sender.batch(*events)
    file_all()
    assert set(Source.objects.values_list("name", flat=True)) == {"app-0", "app-1", OVERFLOW}
    assert {event.client_event_id: event.as_wire() for event in Event.objects.all()} == {
        event["mid"]: event for event in events
    }


def test_touched_sessions_are_marked_by_session_or_by_device(sender: Sender) -> None:
    context = source_of("p")
    sender.batch(
        log_event("1", context=context | {"sid": "s1", "did": "d1"}),
        log_event("2", context=context | {"sid": "s1"}),
        log_event("3", context=context | {"did": "d1"}),
        log_event("4", context=context),
    )
    file_all()
    touched = TouchedSession.objects.values_list("session", "device", "channel")
    assert set(touched) == {("s1", None, None), (None, "d1", "c")}
    assert len(touched) == 2


def test_what_was_answered_is_what_the_drain_does(sender: Sender) -> None:
    response = sender.post(SUNBIRD, {"events": [log_event("1"), {}, log_event("2"), 5]})
    result = response.json()["result"]
    done = file_all()
    assert (done.stored, done.rejected) == (result["accepted"], result["rejected"])
