"""Each reader of the feed gets each event once, in the same order, whatever happens to the writers.

Four drain processes file events, some of them sent twice and some weeks late. Meanwhile rows of the inbox
are locked, drains are killed (-9) with a transaction open, rejected events are replayed, and one transaction
stays open throughout, like that of a backup. Readers with different limits follow from the start.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import close_old_connections, connection, transaction

from events.changes import change, reading
from events.changes.change import Change, What
from events.changes.reading import BEGINNING, Cursor
from events.event import Event
from ingestion.receiving.inbox import InboxRequest
from ingestion.rejected import replaying
from ingestion.rejected.event import RejectedEvent
from tests.faults.stack import eventually
from tests.rejected.conftest import set_validation, strict_fault
from tests.sending import MakeSender, Sender, file_all, log_event, now_ms
from tests.serving import database_url

PATIENCE = 120.0  # seconds, for steps that take a few
DRAINS = 4
ROUNDS = 3  # with a killed drain each
REQUESTS, EVENTS = 40, 5  # per round
LIMITS = (1, 7, 1_000)
WEEK_MS = 7 * 86_400_000
DRAIN = """
import time, django
django.setup()
from django.db import Error, connection
from ingestion.filing.drain import drain
while True:
    try:
        drain()
    except Error:
        connection.close()
    time.sleep(0.02)
"""


class Reader(Thread):
    """Follows the feed until told that nothing more will come, then reads to the end."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.found: list[UUID] = []
        self.cursors: list[tuple[Cursor, int]] = []  # each with the number of changes found so far
        self.is_last = Flag()
        self.failure: BaseException | None = None

    def run(self) -> None:
        cursor = BEGINNING
        try:
            while True:
                is_last = self.is_last.is_set()  # before reading
                changes, after = reading.changes_after(cursor, None, What.EVENTS, self.limit)
                self.found += [each.id for each in changes]
                self.cursors.append((after, len(self.found)))
                if is_last and after == cursor:
                    return
                if after == cursor:
                    self.is_last.wait(0.05)
                cursor = after
        except BaseException as error:  # noqa: BLE001  (reported by the test)
            self.failure = error
        finally:
            connection.close()


def session() -> "psycopg.Connection[Any]":
    """Open a database session of the test's own, without timeouts."""
    parameters = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    return psycopg.connect(**{name: parameters[name] for name in names if parameters.get(name)})


class Drains:
    """Drain processes with long lock timeouts."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        timeouts = dict.fromkeys(("DB_LOCK_TIMEOUT_MS", "DB_STATEMENT_TIMEOUT_MS"), "120000")
        own = {"DATABASE_URL": database_url(), "PGAPPNAME": "feed-drain", "DRAIN_BLOCK_REQUESTS": "5"}
        settings = {"DJANGO_SETTINGS_MODULE": "telemetry_project.settings"}
        command = [sys.executable, "-c", DRAIN]
        self.running.append(subprocess.Popen(command, env=os.environ | settings | timeouts | own))

    def kill(self) -> None:
        """Kill the oldest process."""
        victim = self.running.pop(0)
        victim.kill()
        victim.wait()

    def kill_all(self) -> None:
        while self.running:
            self.kill()


def waiting_for_locks(watcher: "psycopg.Connection[Any]") -> int:
    """Count drains that wait for a lock: on the counters, after writing, or on an event of another drain."""
    found = watcher.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'feed-drain'"
        " AND wait_event_type = 'Lock'"
    ).fetchone()
    return found[0] if found else 0


def send(sender: Sender, round_number: int) -> None:
    """Send new events, some of them weeks late, and every tenth request twice."""
    for number in range(REQUESTS):
        late = WEEK_MS * (number % 3) if number % 4 == 0 else 0
        events = [
            log_event(f"{round_number} {number} {index}", ets=now_ms() - late - index)
            for index in range(EVENTS)
        ]
        for _ in range(2 if number % 10 == 0 else 1):
            sender.batch(*events)


@contextmanager
def replaying_all() -> Iterator[None]:
    """Replay rejected events during the block, three at a time."""

    def work() -> None:
        try:
            while ids := list(RejectedEvent.objects.order_by("pk").values_list("pk", flat=True)[:3]):
                replaying.replay(ids, None)
        finally:
            connection.close()

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def is_filed() -> bool:
    close_old_connections()
    return not InboxRequest.objects.exists() and not RejectedEvent.objects.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("transactional_db")
def test_every_reader_gets_every_event_once_and_in_the_same_order(
    sender: Sender, make_sender: MakeSender
) -> None:
    strict = make_sender("Strict", owners="all")
    set_validation(strict, "strict")
    strict.batch(*(strict_fault() | {"mid": f"replayed {number}"} for number in range(30)))
    file_all()
    set_validation(strict, "lenient")
    drains, readers = Drains(), [Reader(limit) for limit in LIMITS]
    with ExitStack() as stack:
        backup, holder, watcher = (stack.enter_context(session()) for _ in range(3))
        watcher.autocommit = True
        backup.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        backup.execute("SELECT pg_current_xact_id(), count(*) FROM events_change")
        stack.callback(drains.kill_all)
        for reader in readers:
            reader.start()
        try:
            for _ in range(DRAINS):
                drains.start()
            for number in range(ROUNDS):
                _break(sender, number, drains, holder, watcher)
            with replaying_all():
                send(sender, ROUNDS)
            eventually(is_filed, PATIENCE, "everything is filed")
        finally:
            for reader in readers:
                reader.is_last.set()
            for reader in readers:
                reader.join(PATIENCE)

    assert [reader.failure for reader in readers] == [None] * len(readers)
    stored = set(Event.objects.values_list("pk", flat=True))
    assert len(stored) == (ROUNDS + 1) * REQUESTS * EVENTS + 30
    for reader in readers:
        assert len(reader.found) == len(stored), f"limit {reader.limit}"
        assert set(reader.found) == stored
        assert reader.found == readers[0].found
        for cursor, count in reader.cursors[:: max(1, len(reader.cursors) // 20)]:
            again, _ = reading.changes_after(cursor, None, What.EVENTS, 2 * len(stored))
            assert [each.id for each in again] == reader.found[count:], (
                "reading again from a cursor gives the same"
            )


def _break(
    sender: Sender,
    number: int,
    drains: Drains,
    holder: "psycopg.Connection[Any]",
    watcher: "psycopg.Connection[Any]",
) -> None:
    """Send while all drains wait with open transactions and rows are locked; then kill one of them."""
    with holder.transaction():
        holder.execute("LOCK TABLE events_usagehour IN SHARE MODE")
        send(sender, number)
        eventually(lambda: waiting_for_locks(watcher) == DRAINS, PATIENCE, "all drains wait")
        holder.execute("SELECT FROM ingestion_inboxrequest ORDER BY id DESC LIMIT 5 FOR UPDATE SKIP LOCKED")
        drains.kill()
        drains.start()
    # Surviving drains go on; other drains file what the killed one had claimed.


@pytest.mark.usefixtures("transactional_db")
def test_an_open_transaction_delays_only_its_own_changes(sender: Sender) -> None:
    with session() as writer:
        writer.execute(
            "INSERT INTO events_change (what, owner_id, ids, count) VALUES (1, %s, %s, 1)",
            [sender.key.default_owner_id, [UUID(int=1)]],
        )
        sender.batch(log_event())
        file_all()
        (stored,) = Event.objects.values_list("pk", flat=True)
        found, cursor = reading.changes_after(BEGINNING, None, What.EVENTS, 10)
        assert [each.id for each in found] == [stored]
    found, _ = reading.changes_after(cursor, None, What.EVENTS, 10)
    assert [each.id for each in found] == [UUID(int=1)], "committed later, so it comes later"


@pytest.mark.usefixtures("transactional_db")
def test_locked_changes_are_numbered_later(sender: Sender) -> None:
    with session() as holder:
        held = None
        while held is None:  # readers that waited in earlier tests may number a change first
            sender.batch(log_event())
            file_all()
            held = holder.execute("SELECT id FROM events_change WHERE position IS NULL FOR UPDATE").fetchone()
        sender.batch(log_event("free"))
        file_all()
        before, cursor = reading.changes_after(BEGINNING, None, What.EVENTS, 10)
        stored = Event.objects.count()
        assert len(before) == stored - 1
    change.number_all()
    after, _ = reading.changes_after(cursor, None, What.EVENTS, 10)
    assert [each.id for each in after] == Change.objects.get(pk=held[0]).ids


def test_positions_only_grow_even_if_the_clock_goes_back(db: None, sender: Sender) -> None:
    sender.batch(log_event("first"))
    file_all()
    change.number_all()
    future = 2**60
    Change.objects.update(position=future)
    sender.batch(log_event("second"))
    file_all()
    change.number_all()
    assert list(Change.objects.order_by("id").values_list("position", flat=True)) == [future, future + 1]


def test_a_cursor_newer_than_the_backup_works_in_the_restored_database(db: None, sender: Sender) -> None:
    sender.batch(log_event("in the backup"))
    file_all()
    change.number_all()
    backup = transaction.savepoint()
    sender.batch(log_event("lost"))
    file_all()
    _, cursor = reading.changes_after(BEGINNING, None, What.EVENTS, 10)
    transaction.savepoint_rollback(backup)
    sender.batch(log_event("after it"))
    file_all()

    found, _ = reading.changes_after(cursor, None, What.EVENTS, 10)
    names = Event.objects.filter(pk__in=[each.id for each in found]).values_list("client_event_id", flat=True)
    assert list(names) == ["after it"]
