"""Faults of PostgreSQL: stopped, killed, full, read-only, locked."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg

from events.identity import milliseconds, week_of
from events.partitioned.partitions import WEEK, partition_name, partitioned_tables
from telemetry_project.stack import paths
from tests.faults.holding import PATIENCE_SECONDS, locked, patient, triggered, wait_for_statement
from tests.faults.registry import OUTAGE_SECONDS, Scene, fault
from tests.faults.requests import dated
from tests.faults.stack import LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS, Stack, eventually
from tests.faults.traffic import RETRY_SECONDS

ROUNDS = 20
THREADS = 16  # twice as many as the web processes have


@fault
def postgres_stopped(scene: Scene) -> Iterator[None]:
    """PostgreSQL stopped for some seconds."""
    scene.stack.stop_database()
    yield
    time.sleep(OUTAGE_SECONDS)
    scene.stack.start_database()


@fault
def postgres_restarted(scene: Scene) -> Iterator[None]:
    """PostgreSQL restarted (fast) with connections kept open; no request is refused afterwards."""
    _burst(scene)
    scene.stack.stop_database()
    scene.stack.start_database()
    time.sleep(RETRY_SECONDS)  # until pending requests have a response
    _nobody_is_refused(scene)
    yield


@fault
def backends_terminated(scene: Scene) -> Iterator[None]:
    """All connections of Tally ended by pg_terminate_backend."""
    for _ in range(3):
        terminate(scene.stack)
        time.sleep(RETRY_SECONDS)
    _nobody_is_refused(scene)
    yield


@fault
def postgres_killed(scene: Scene) -> Iterator[None]:
    """PostgreSQL killed (-9) between a worker's COPY and its COMMIT."""
    try:
        with locked(scene, "events_usagehour", "SHARE") as session:
            wait_for_statement(session, 'INSERT INTO "events_usagehour"')
            scene.stack.stop_database(signal.SIGKILL)
    except psycopg.OperationalError:
        pass  # the test's own session was killed too
    yield
    scene.stack.start_database()


@fault
def too_many_connections(scene: Scene) -> Iterator[None]:
    """All connections taken by another client."""
    with ExitStack() as held:
        full = 0
        until = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < until:
            try:
                session = held.enter_context(scene.stack.session())
                session.execute(
                    b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    b" WHERE application_name <> 'faults' AND backend_type = 'client backend'"
                )
            except psycopg.OperationalError:
                full += 1
                time.sleep(0.05)
        assert full, "There was always a connection left"
        yield


@fault
def event_table_locked(scene: Scene) -> Iterator[None]:
    """ACCESS EXCLUSIVE lock on the event table for longer than lock_timeout."""
    with locked(scene, "events_event", "ACCESS EXCLUSIVE"):
        time.sleep(LOCK_TIMEOUT_MS / 1000 * 1.5)
        yield


@fault
def inbox_locked(scene: Scene) -> Iterator[None]:
    """ACCESS EXCLUSIVE lock on the inbox for longer than lock_timeout."""
    with locked(scene, "ingestion_inboxrequest", "ACCESS EXCLUSIVE"):
        time.sleep(LOCK_TIMEOUT_MS / 1000 * 1.5)
        yield


@fault
def partition_missing(scene: Scene) -> Iterator[None]:
    """The partitions of a coming week are missing, and events of that week arrive."""
    week = week_of(datetime.now(UTC)) + WEEK
    with scene.stack.session() as session:
        session.execute(f"SET lock_timeout = '{PATIENCE_SECONDS}s'".encode())
        while _holds_events(session, partition_name("events_event", week)):
            week += WEEK
        for table in partitioned_tables():
            session.execute(f'DROP TABLE IF EXISTS "{partition_name(table, week)}"'.encode())
    with dated(scene, milliseconds(week) + 1):
        yield
        time.sleep(OUTAGE_SECONDS)


@fault
def statement_timeout(scene: Scene) -> Iterator[None]:
    """Statements that take longer than statement_timeout, while receiving and in the drain."""
    seconds = STATEMENT_TIMEOUT_MS / 1000
    with (
        triggered(scene, f"PERFORM pg_sleep({seconds * 2})", "ingestion_inboxrequest", "events_usagehour"),
        _refusals(scene),
    ):
        time.sleep(seconds)
        yield


@fault
def disk_full(scene: Scene) -> Iterator[None]:
    """Disk full (53100, raised by triggers), while receiving and in the drain."""
    full = "RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'"
    with triggered(scene, full, "events_usagehour"):
        time.sleep(OUTAGE_SECONDS)  # only the drain works, with a full inbox
    with triggered(scene, full, "ingestion_inboxrequest", "events_usagehour"), _refusals(scene):
        yield
        time.sleep(OUTAGE_SECONDS)


@fault
def read_only(scene: Scene) -> Iterator[None]:
    """PostgreSQL refuses writes (25006), like a standby."""
    with scene.stack.session() as session:
        session.execute(b"SET default_transaction_read_only = off")
        try:
            with _refusals(scene):
                session.execute(b"ALTER SYSTEM SET default_transaction_read_only = on")
                session.execute(b"SELECT pg_reload_conf()")
                yield
                time.sleep(OUTAGE_SECONDS)
        finally:
            session.execute(b"ALTER SYSTEM RESET default_transaction_read_only")
            session.execute(b"SELECT pg_reload_conf()")


@fault
def deadlock(scene: Scene) -> Iterator[None]:
    """A drain becomes the victim of a deadlock over the counters."""
    before = _deadlocks(scene.stack)
    with patient(scene) as session:
        # This session checks for deadlocks late, so that the drain detects it and becomes the victim.
        session.execute(f"SET deadlock_timeout = '{PATIENCE_SECONDS}s'".encode())
        eventually(lambda: _lock_counters(session, "ASC", 10) == 10, PATIENCE_SECONDS, "counters")
        for _ in range(ROUNDS):
            with session.transaction():
                # A drain locks counters in the order of their keys, and holds some while waiting for others.
                _lock_counters(session, "DESC", 5)
                wait_for_statement(session, 'INSERT INTO "events_usagehour"')
                _lock_counters(session, "ASC", 1_000)
            if _deadlocks(scene.stack) > before:
                break
    assert _deadlocks(scene.stack) > before, "There was no deadlock"
    yield


@contextmanager
def _refusals(scene: Scene) -> Iterator[None]:
    """Check that a request is refused with 503 during the block; otherwise the fault had no effect."""
    answers = scene.traffic.ledger.answers
    before = answers["503"]
    yield
    eventually(lambda: answers["503"] > before, PATIENCE_SECONDS, "a request that is refused")


def _lock_counters(session: "psycopg.Connection[Any]", order: str, most: int) -> int:
    """Lock the first or last counters of the current hour, and return their number."""
    keys = ", ".join(f"{key} {order}" for key in ("owner_id", "hour", "source_id", "kind", "dialect"))
    return session.execute(
        f"SELECT 1 FROM events_usagehour WHERE hour = date_trunc('hour', now())"
        f" ORDER BY {keys} LIMIT {most} FOR UPDATE".encode()
    ).rowcount


def _deadlocks(stack: Stack) -> int:
    """Return the number of deadlocks. The statistics would show it a second later."""
    return (paths.log_folder(stack.data) / "postgres.log").read_text().count("deadlock detected")


def _holds_events(session: "psycopg.Connection[Any]", table: str) -> bool:
    found = session.execute(b"SELECT to_regclass(%s)", [table]).fetchone()
    if found is None or found[0] is None:
        return False
    return session.execute(f'SELECT 1 FROM "{table}" LIMIT 1'.encode()).fetchone() is not None


def _burst(scene: Scene) -> None:
    """Send enough simultaneous requests to keep all threads of the web processes busy."""
    scene.traffic.race(*(scene.traffic.maker.emission() for _ in range(THREADS)))


def _nobody_is_refused(scene: Scene) -> None:
    answers = scene.traffic.ledger.answers
    before = answers["503"]
    for _ in range(3):
        _burst(scene)
    assert answers["503"] == before, f"{answers['503'] - before} refused after healing"


def terminate(stack: Stack) -> None:
    stack.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name <> 'faults' AND backend_type = 'client backend'"
    )
