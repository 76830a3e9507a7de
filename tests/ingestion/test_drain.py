"""The drain: blocks, attempts, failing requests, partitions, sources, pending sessions."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, Error, OperationalError, connection, connections, transaction
from django.utils import timezone

from events.event import Event
from events.identity import week_of
from events.ownership.source import OVERFLOW, UNKNOWN, Source
from events.partitioned.partitions import existing_partitions, partition_name
from events.store import filing
from events.store.details import as_wire
from events.store.pending import TouchedSession
from events.store.submission import Submission
from ingestion.filing import claims, schedule, transactions
from ingestion.filing import drain as draining
from ingestion.filing.drain import drain, drain_block, tick
from ingestion.receiving.inbox import InboxRequest
from ingestion.rejected import writing
from ingestion.rejected.event import RejectedEvent
from tests.sending import SUNBIRD, Sender, file_all, log_event, now_ms


def test_a_block_is_limited_by_requests_events_and_bytes(sender: Sender, settings: Any) -> None:
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


def test_a_full_block_starts_one_more_drain(sender: Sender, settings: Any) -> None:
    settings.DRAIN_BLOCK_REQUESTS = 2
    for n in range(7):
        sender.batch(log_event(str(n)))
    calls: list[int] = []
    assert tick(call_for_help=lambda: calls.append(1)).stored == 7
    assert calls == [1]


def test_an_empty_inbox_starts_no_other_drain(db: None) -> None:
    calls: list[int] = []
    assert tick(call_for_help=lambda: calls.append(1)).requests == 0
    assert calls == []


class KilledError(BaseException):
    """Simulates kill -9: nothing in the drain handles it."""


def fail_on(
    poison: str, error: BaseException, monkeypatch: pytest.MonkeyPatch, *, where: str = "rows_of"
) -> list[int]:
    """Make filing fail on the event with ID `poison`. Return a list of the event counts of attempts."""
    real, tries = getattr(filing, where), list[int]()

    def tried(submissions: list[Submission]) -> Any:
        tries.append(len(submissions))
        if any(submission.identity == poison for submission in submissions):
            raise error
        return real(submissions)

    monkeypatch.setattr(filing, where, tried)
    return tries


def test_a_failing_event_is_rejected_and_delays_no_other(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(10):
        sender.batch(log_event(f"{n}a"), log_event(f"{n}b"))
    tries = fail_on("6b", ValueError("can't be filed"), monkeypatch)
    done = drain_block()
    assert (done.requests, done.stored, done.rejected) == (10, 19, 1)
    kept = RejectedEvent.objects.get()
    assert (kept.code, kept.message) == ("unfileable", "The event could not be filed: ValueError.")
    assert b'"6b"' in bytes(kept.body)
    # All requests, failing ones by halves, events of the last one by one (0: written as rejected), the rest.
    assert tries == [20, 10, 10, 4, 2, 2, 1, 1, 0, 6]
    assert not file_all().requests


def test_a_request_that_fails_in_the_database_waits_without_losing_attempts(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.batch(log_event("1"))
    sender.batch(log_event("2"))
    monkeypatch.setattr(schedule, "WAITS", (0.0,))
    tries = fail_on("1", OperationalError("gone"), monkeypatch)
    with pytest.raises(OperationalError):
        drain_block()
    assert set(InboxRequest.objects.values_list("attempts", flat=True)) == {0}
    for _ in range(9):
        drain_block()
    assert tries[:3] == [2, 1, 1], "together once, then each alone"
    assert Event.objects.get().client_event_id == "2", (
        "others don't wait for the request that the database fails on"
    )
    assert InboxRequest.objects.get().attempts == 0
    assert not RejectedEvent.objects.exists()


def test_a_request_that_kills_its_worker_is_isolated_and_given_up(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("good", "poison", "fine"):
        sender.batch(log_event(name))
    tries = fail_on("poison", KilledError(), monkeypatch)
    deaths = 0
    for _ in range(9):
        try:
            drain_block()
        except KilledError:
            deaths += 1
    # Three times together, then one by one; the failing one three more times.
    assert (deaths, tries[:3]) == (6, [3, 3, 3])
    assert set(tries[3:]) <= {0, 1}
    assert set(Event.objects.values_list("client_event_id", flat=True)) == {"good", "fine"}
    assert RejectedEvent.objects.get().code == "unfileable"
    assert not file_all().requests


def test_an_isolated_request_is_filed_after_all_others(sender: Sender) -> None:
    sender.batch(log_event("isolated"))
    InboxRequest.objects.update(attempts=draining.POISON_AFTER)
    sender.batch(log_event("1"))
    sender.batch(log_event("2"))
    assert drain_block().requests == 2
    assert drain_block().requests == 1
    assert not file_all().requests


def test_an_isolated_request_is_filed_even_if_others_keep_arriving(
    sender: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DRAIN_BLOCK_REQUESTS = 1
    monkeypatch.setattr(schedule, "POISON_SECONDS", 0.0)
    schedule.forget()
    for name in ("isolated", "also isolated"):
        sender.batch(log_event(name))
    InboxRequest.objects.update(attempts=draining.POISON_AFTER)
    for number in range(5):
        sender.batch(log_event(str(number)))

    assert drain_block().requests == 2
    monkeypatch.setattr(schedule, "POISON_SECONDS", 3600.0)
    assert drain_block().requests == 2
    assert [drain_block().requests for _ in range(3)] == [1, 1, 1]  # not before the hour is over
    assert Event.objects.filter(client_event_id__contains="isolated").count() == 2


def test_isolated_requests_are_filed_by_one_process_at_a_time(sender: Sender) -> None:
    sender.batch(log_event("poison"))
    InboxRequest.objects.update(attempts=draining.POISON_AFTER)
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s)", [claims.POISON_LOCK])
            assert not drain_block().requests
            assert InboxRequest.objects.get().attempts == draining.POISON_AFTER
            # Unlocked explicitly, since after `close` the server may release it later.
            cursor.execute("SELECT pg_advisory_unlock_shared(%s)", [claims.POISON_LOCK])
    finally:
        other.close()

    assert drain_block().stored == 1


def test_a_request_that_can_be_neither_filed_nor_rejected_delays_no_other(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.batch(log_event("stuck"))
    fail_on("stuck", ValueError("can't be filed"), monkeypatch)
    monkeypatch.setattr(writing, "write", lambda rejections, tally: 1 / len([]) if rejections else None)
    for n in range(10):
        sender.batch(log_event(str(n)))
        assert drain_block().stored == 1
        drain_block()
    monkeypatch.undo()
    assert file_all().rejected == 1  # given up at last


@pytest.mark.parametrize(
    ("state", "passes"),
    [
        ("25006", True),  # read-only
        ("42P01", True),  # a table that isn't there yet
        ("53100", True),  # disk full
        ("55P03", True),  # lock_timeout
        ("57014", True),  # statement_timeout
        ("22021", False),  # a character that can't be stored
        ("23514", False),  # a check
        ("54000", False),  # too long for an index
    ],
)
def test_the_sqlstate_tells_database_failures_from_bad_requests(
    db: None, state: str, *, passes: bool
) -> None:
    with pytest.raises(Error) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = '{state}'; END $$")
    assert transactions.is_database_failure(raised.value) is passes


def test_a_request_that_cannot_be_decoded_is_rejected_as_a_whole(sender: Sender) -> None:
    sender.batch(log_event("bad"))
    InboxRequest.objects.update(body=b"not a batch any more")
    sender.batch(log_event("good"))
    done = file_all()
    assert (done.stored, done.rejected) == (1, 1)
    assert bytes(RejectedEvent.objects.get().body) == b"not a batch any more"


def test_a_block_is_retried_after_a_deadlock(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_partition_is_created_for_a_late_event(sender: Sender) -> None:
    late = timezone.now() - timedelta(days=200)
    sender.batch(log_event(ets=int(late.timestamp() * 1000)))
    assert file_all().stored == 1
    assert partition_name("events_event", week_of(late)) in existing_partitions()
    assert partition_name("events_log", week_of(late)) in existing_partitions()


def test_settings_limit_the_age_of_events(sender: Sender, settings: Any) -> None:
    settings.EVENT_MAX_AGE_DAYS, settings.EVENT_MAX_AHEAD_HOURS = 2, 1
    day, hour = 86_400_000, 3_600_000
    offsets = [-3 * day, -2 * day + hour, hour // 2, 2 * hour]
    result = sender.batch(*(log_event(str(n), ets=now_ms() + n) for n in offsets))
    assert [error["code"] for error in result["errors"]] == ["too_old", "too_far_ahead"]
    assert result["rejected_indexes"] == [0, 3]
    file_all()


def source_of(name: Any) -> Any:
    return {"channel": "c", "env": "e", "pdata": {"id": name}}


def test_sources_are_created_once_whatever_the_case_of_their_name(sender: Sender) -> None:
    for n, name in enumerate(["Portal", "portal ", "PORTAL", "", "  "]):
        sender.batch(log_event(str(n), context=source_of(name)))
    file_all()
    assert set(Source.objects.values_list("name", flat=True)) == {"Portal", UNKNOWN}
    names = {as_wire(event)["context"]["pdata"]["id"] for event in Event.objects.all()}
    assert names == {"Portal", "portal ", "PORTAL", "", "  "}


def test_events_of_sources_beyond_the_cap_keep_their_sources_name(sender: Sender, settings: Any) -> None:
    settings.MAX_SOURCES = 2
    events = [log_event(str(n), context=source_of(f"app-{n}")) for n in range(5)]
    sender.batch(*events)
    file_all()
    made = set(Source.objects.values_list("name", flat=True)) - {OVERFLOW}
    assert len(made) == 2, "which two depends on the order of ids"
    assert Source.objects.filter(name=OVERFLOW).exists()
    assert {event.client_event_id: as_wire(event) for event in Event.objects.all()} == {
        event["mid"]: event for event in events
    }


def test_sessions_are_marked_pending_by_session_or_device(sender: Sender) -> None:
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


def test_the_drain_does_what_the_response_announced(sender: Sender) -> None:
    response = sender.post(SUNBIRD, {"events": [log_event("1"), {}, log_event("2"), 5]})
    result = response.json()["result"]
    done = file_all()
    assert (done.stored, done.rejected) == (result["accepted"], result["rejected"])
