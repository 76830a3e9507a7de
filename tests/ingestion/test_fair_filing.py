"""Fair filing: owners take turns, and failing requests don't delay others."""

from collections import Counter
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection

from events.event import Event
from events.ownership.api_key import ApiKey
from events.ownership.owner import Membership, Owner
from events.store import filing
from ingestion.filing import claims, schedule, transactions
from ingestion.filing import drain as draining
from ingestion.filing.claims import BlockLimits, Selected
from ingestion.filing.drain import drain_block
from ingestion.receiving.inbox import InboxRequest
from ingestion.rejected.event import RejectedEvent
from tests.sending import MakeSender, Sender, file_all, log_event

WIDE = BlockLimits(requests=500, events=4_000, bytes=8 << 20)


@pytest.fixture
def team_a(make_sender: MakeSender) -> Sender:
    return make_sender(owner="A")


@pytest.fixture
def team_b(make_sender: MakeSender) -> Sender:
    return make_sender(owner="B")


def owners_of(chosen: list[Selected]) -> Counter[int]:
    return Counter(each.owner_id for each in chosen)


def wait(sender: Sender, requests: int, events: int = 1) -> None:
    for number in range(requests):
        sender.batch(*(log_event(f"{sender.key.pk}-{number}-{index}") for index in range(events)))


def test_an_owners_single_event_is_in_the_next_block_beside_a_flood(team_a: Sender, team_b: Sender) -> None:
    wait(team_a, 40, events=5)
    wait(team_b, 1)
    chosen = claims.select_block(WIDE._replace(events=20), below=3)
    assert owners_of(chosen) == {team_a.key.default_owner_id: 3, team_b.key.default_owner_id: 1}


def test_small_owners_of_a_block_are_filed_before_large_ones() -> None:
    flood = [Selected(number, 1, 100) for number in range(10)]
    assert draining._split_by_size([*flood, Selected(10, 2, 1)]) == [[10], list(range(10))]
    assert draining._split_by_size(flood) == [[], list(range(10))], "one owner alone is one transaction"
    assert draining._split_by_size([Selected(1, 1, 1)]) == [[1], []]
    even = [Selected(number, number, 1) for number in range(40)]
    assert draining._split_by_size(even) == [list(range(40)), []]


def test_a_failing_flood_does_not_keep_another_owners_event_from_being_filed(
    team_a: Sender, team_b: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait(team_a, 1, events=30)
    wait(team_b, 1)
    FailsOn(monkeypatch, f"{team_a.key.pk}-0-3")
    with pytest.raises(OperationalError):
        drain_block()
    assert Event.objects.get().owner_id == team_b.key.default_owner_id
    assert InboxRequest.objects.get().attempts == 0


def test_owners_share_a_block_by_events_not_by_requests(team_a: Sender, team_b: Sender) -> None:
    wait(team_a, 10, events=10)
    wait(team_b, 100)
    chosen = claims.select_block(WIDE._replace(events=40), below=3)
    assert owners_of(chosen) == {team_a.key.default_owner_id: 2, team_b.key.default_owner_id: 20}


def test_one_owner_alone_fills_a_block(team_a: Sender) -> None:
    wait(team_a, 30)
    assert len(claims.select_block(WIDE._replace(requests=20), below=3)) == 20


def test_an_owner_whose_requests_fill_whole_blocks_takes_turns(
    team_a: Sender, team_b: Sender, settings: Any
) -> None:
    """The large requests are always the oldest, but don't always come first."""
    wait(team_a, 3, events=10)
    wait(team_b, 2)
    settings.DRAIN_BLOCK_EVENTS = 4
    filed = []
    while drain_block().requests:
        filed.append(Event.objects.filter(owner=team_b.key.default_owner).count())
    assert filed[:2] == [0, 2], "the second block is the other owner's"
    assert Event.objects.count() == 32


def test_the_block_size_adapts_to_the_time_blocks_take() -> None:
    size = schedule.Size()
    for _ in range(10):
        size.adapt(60)
    assert size.of(4_000) == 250
    assert size.of(1) == 1
    for _ in range(10):
        size.adapt(0.01)
    assert size.of(4_000) == 4_000


class FailsOn:
    """Makes PostgreSQL fail on events with a given ID by a statement timeout."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, poison: str) -> None:
        self.poison, self.real = poison, filing.rows_of
        monkeypatch.setattr(filing, "rows_of", self)

    def __call__(self, submissions: list[Any]) -> Any:
        if any(submission.identity == self.poison for submission in submissions):
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = '20ms'")
                cursor.execute("SELECT pg_sleep(5)")
        return self.real(submissions)


def test_a_request_that_keeps_failing_in_the_database_is_rejected(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "WAITS", (0.0,))
    sender.batch(log_event("poison"), log_event("neighbour"))
    sender.batch(log_event("in the same block"))
    FailsOn(monkeypatch, "poison")
    with pytest.raises(OperationalError):
        drain_block()
    for number in range(2 * schedule.REJECT_AFTER):
        sender.batch(log_event(str(number)))
        drain_block()
    assert not InboxRequest.objects.exists()
    kept = RejectedEvent.objects.get()
    assert (kept.code, kept.message) == ("unfileable", "The event could not be filed: OperationalError.")
    assert {"neighbour", "in the same block"} <= set(Event.objects.values_list("client_event_id", flat=True))


def test_a_database_failure_during_isolation_rejects_nothing(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.batch(log_event("poison"), log_event("neighbour"))
    fails_on = FailsOn(monkeypatch, "poison")

    def only_one_by_one(submissions: list[Any]) -> Any:
        if len(submissions) > 1:
            raise ValueError("together")
        return fails_on(submissions)

    monkeypatch.setattr(filing, "rows_of", only_one_by_one)
    with pytest.raises(OperationalError):
        drain_block()
    assert InboxRequest.objects.count() == 1
    assert not RejectedEvent.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_deadlocks_are_retried_a_few_times_and_then_raised() -> None:
    attempts = []

    def deadlock() -> None:
        attempts.append(1)
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$")

    with pytest.raises(DatabaseError):
        transactions.in_transaction(deadlock)
    assert len(attempts) == transactions.TRIES


def test_an_outage_rejects_nothing(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "WAITS", (0.0,))
    for number in range(3):
        sender.batch(log_event(str(number)))

    def fail(_: Any) -> Any:
        raise OperationalError("gone")

    with monkeypatch.context() as outage:
        outage.setattr(filing, "rows_of", fail)
        with pytest.raises(OperationalError):
            drain_block()
        for _ in range(5 * schedule.REJECT_AFTER):
            drain_block()
    assert file_all().stored == 3
    assert not RejectedEvent.objects.exists()


def test_requests_filed_by_another_process_are_forgotten(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "WAITS", (0.0,))
    schedule.memory.failed.note([10**12])
    assert drain_block().requests == 0
    assert schedule.memory.failed.deferred() == []


def test_memory_of_failures_and_turns_is_bounded() -> None:
    memory = schedule.Memory()
    memory.failed.note(range(3 * schedule.MOST_FAILED))
    assert len(memory.failed.deferred()) == schedule.MOST_FAILED
    memory.turns.serve(range(3 * schedule.MOST_OWNERS))
    assert len(memory.turns.in_order()) == schedule.MOST_OWNERS


def test_a_request_whose_owner_and_key_are_deleted_is_rejected_once(make_sender: MakeSender) -> None:
    """A web process caches keys for some seconds, and may accept events of an owner deleted meanwhile."""
    gone = make_sender(owner="Gone")
    gone.batch(log_event("1"), log_event("2"))
    waiting = InboxRequest.objects.get()
    InboxRequest.objects.all().delete()
    ApiKey.objects.filter(pk=gone.key.pk).delete()
    Membership.objects.filter(owner_id=waiting.owner_id).delete()
    Owner.objects.filter(pk=waiting.owner_id).delete()
    waiting.pk = None
    waiting.save(force_insert=True)

    done = drain_block()

    assert (done.requests, done.stored, done.rejected) == (1, 0, 2)
    assert not InboxRequest.objects.exists()
    kept = RejectedEvent.objects.select_related("owner__organization")
    assert {(each.code, each.owner.organization.slug) for each in kept} == {("owner_gone", "deleted-owners")}
    assert draining.drain().requests == 0
