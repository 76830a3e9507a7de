"""The faults: each is injected, then healed; the loops of the test and of `make test-faults` walk them."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from events.identity import milliseconds, week_of
from events.partitions import WEEK, partition_name, partitioned_tables
from tests.faults.stack import LOCK_TIMEOUT_MS, WORKERS, Stack, eventually
from tests.faults.traffic import RETRY_SECONDS, Traffic

OUTAGE_SECONDS = 1.5
PATIENCE_SECONDS = 20
THREADS = 16  # twice as many as the web processes have


@dataclass
class Scene:
    """What a fault acts on. `poison`: bodies that must each end as one rejected event."""

    stack: Stack
    traffic: Traffic
    poison: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class Fault:
    """A context: entering injects, leaving heals."""

    name: str
    about: str
    broken: Callable[[Scene], Any]


FAULTS: dict[str, Fault] = {}


def _fault(function: Callable[[Scene], Iterator[None]]) -> Callable[[Scene], Iterator[None]]:
    """Put a fault into the registry: its name is the function's, what it is the docstring's first line."""
    name = function.__name__.strip("_")
    FAULTS[name] = Fault(name, (function.__doc__ or "").partition("\n")[0], contextmanager(function))
    return function


@contextmanager
def _locked(scene: Scene, table: str, mode: str) -> Iterator["psycopg.Connection[Any]"]:
    with scene.stack.session() as session:
        session.execute(f"SET lock_timeout = '{PATIENCE_SECONDS}s'".encode())
        with session.transaction():
            session.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
            yield session


def _wait_for_statement(session: "psycopg.Connection[Any]", beginning: str) -> None:
    """Until a process of Tally waits with such a statement for a lock."""
    question = (
        "SELECT 1 FROM pg_stat_activity WHERE application_name <> 'faults' AND wait_event_type = 'Lock'"
        " AND ltrim(query, E' \\n') LIKE %s"
    )

    def there() -> bool:
        # What the session sees of the activity stays as it was within its transaction, unless it is told.
        session.execute("SELECT pg_stat_clear_snapshot()")
        return session.execute(question.encode(), [beginning + "%"]).fetchone() is not None

    eventually(there, PATIENCE_SECONDS, f"a process that waits in {beginning}")


@_fault
def worker_killed(scene: Scene) -> Iterator[None]:
    """Worker process groups killed (-9) with a transaction open, events copied and not yet counted."""
    with _locked(scene, "events_usagehour", "SHARE") as session:
        _wait_for_statement(session, "INSERT INTO events_usagehour")
        for name in WORKERS:
            scene.stack.kill(name)
    yield
    for name in WORKERS:
        scene.stack.start(name)


@_fault
def postgres_stopped(scene: Scene) -> Iterator[None]:
    """PostgreSQL stopped for some seconds."""
    scene.stack.stop_database()
    yield
    time.sleep(OUTAGE_SECONDS)
    scene.stack.start_database()


@_fault
def postgres_restarted(scene: Scene) -> Iterator[None]:
    """PostgreSQL restarted (fast) under kept connections, none of which costs a refusal afterwards."""
    _burst(scene)
    scene.stack.stop_database()
    scene.stack.start_database()
    time.sleep(RETRY_SECONDS)  # until what was under way has its answer
    _nobody_is_refused(scene)
    yield


@_fault
def backends_terminated(scene: Scene) -> Iterator[None]:
    """All connections of Tally ended by pg_terminate_backend."""
    for _ in range(3):
        _terminate(scene.stack)
        time.sleep(RETRY_SECONDS)
    _nobody_is_refused(scene)
    yield


@_fault
def postgres_killed(scene: Scene) -> Iterator[None]:
    """PostgreSQL killed (-9) between a worker's COPY and its COMMIT."""
    try:
        with _locked(scene, "events_usagehour", "SHARE") as session:
            _wait_for_statement(session, "INSERT INTO events_usagehour")
            scene.stack.stop_database(signal.SIGKILL)
    except psycopg.OperationalError:
        pass  # our own session was killed too
    yield
    scene.stack.start_database()


@_fault
def too_many_connections(scene: Scene) -> Iterator[None]:
    """All connections taken by somebody else."""
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


@_fault
def event_table_locked(scene: Scene) -> Iterator[None]:
    """ACCESS EXCLUSIVE lock on the event table for longer than lock_timeout."""
    with _locked(scene, "events_event", "ACCESS EXCLUSIVE"):
        time.sleep(LOCK_TIMEOUT_MS / 1000 * 1.5)
        yield


@_fault
def inbox_locked(scene: Scene) -> Iterator[None]:
    """ACCESS EXCLUSIVE lock on the inbox for longer than lock_timeout."""
    with _locked(scene, "ingestion_inboxrequest", "ACCESS EXCLUSIVE"):
        time.sleep(LOCK_TIMEOUT_MS / 1000 * 1.5)
        yield


@_fault
def valkey_stopped(scene: Scene) -> Iterator[None]:
    """Valkey stopped for some seconds."""
    scene.stack.stop_broker()
    yield
    time.sleep(OUTAGE_SECONDS)
    scene.stack.start_broker()


@_fault
def valkey_restarted_empty(scene: Scene) -> Iterator[None]:
    """Valkey killed (-9) and started again, with nothing in it."""
    scene.stack.signal_broker(signal.SIGKILL)
    scene.stack.stop_broker()
    scene.stack.start_broker()
    yield


@_fault
def valkey_hanging(scene: Scene) -> Iterator[None]:
    """Valkey neither answers nor closes its connections (SIGSTOP)."""
    scene.stack.signal_broker(signal.SIGSTOP)
    yield
    time.sleep(OUTAGE_SECONDS)
    scene.stack.signal_broker(signal.SIGCONT)


@_fault
def web_killed(scene: Scene) -> Iterator[None]:
    """Web process group killed (-9) with requests waiting in their INSERT."""
    with _locked(scene, "ingestion_inboxrequest", "SHARE") as session:
        _wait_for_statement(session, "INSERT INTO ingestion_inboxrequest")
        scene.stack.kill("web")
    yield
    scene.stack.start("web")


@_fault
def same_block_twice(scene: Scene) -> Iterator[None]:
    """Two more drains at the same moment, beside the workers, on what has gathered behind a lock."""
    with _locked(scene, "events_usagehour", "SHARE"):
        drains = [scene.stack.manage("drain") for _ in range(2)]
        time.sleep(LOCK_TIMEOUT_MS / 1000)
    yield
    for process in drains:
        with process:
            process.communicate(timeout=60)


@_fault
def poison(scene: Scene) -> Iterator[None]:
    """Requests in the inbox that decoding stumbles over: no JSON, and a dialect that nobody knows."""
    name = scene.traffic.maker.id()
    rows = [("sunbird", f"\x00 no JSON {name}".encode()), ("monkey", f'{{"banana": "{name}"}}'.encode())]
    with scene.stack.session() as session:
        for dialect, body in rows:
            session.execute(
                b"INSERT INTO ingestion_inboxrequest"
                b" (received_at, owner_id, dialect, encoding, strict, context, events, body)"
                b" SELECT now(), min(id), %s, 'json', false, '{}', 1, %s FROM events_owner",
                [dialect, body],
            )
            scene.poison.append(body)
    yield


@_fault
def partition_missing(scene: Scene) -> Iterator[None]:
    """The partitions of a coming week are gone, and events of that week come in."""
    week = week_of(datetime.now(UTC)) + WEEK
    with scene.stack.session() as session:
        session.execute(f"SET lock_timeout = '{PATIENCE_SECONDS}s'".encode())
        while _holds_events(session, partition_name("events_event", week)):
            week += WEEK
        for table in partitioned_tables():
            session.execute(f'DROP TABLE IF EXISTS "{partition_name(table, week)}"'.encode())
    with _dated(scene, milliseconds(week) + 1):
        yield
        time.sleep(OUTAGE_SECONDS)


@_fault
def same_id_racing(scene: Scene) -> Iterator[None]:
    """Two requests with the same ids at the same moment, in each dialect."""
    maker = scene.traffic.maker
    for make in (maker.batch, maker.message, maker.emission):
        request = make()
        scene.traffic.race(request, request)
    yield


@_fault
def week_boundary(scene: Scene) -> Iterator[None]:
    """Events of the last and the first milliseconds around the turn of the week."""
    monday = milliseconds(week_of(datetime.now(UTC)))
    with _dated(scene, monday - 1, monday, monday + 1):
        yield
        time.sleep(OUTAGE_SECONDS)


@contextmanager
def _dated(scene: Scene, *times: int) -> Iterator[None]:
    scene.traffic.maker.times = times
    try:
        yield
    finally:
        scene.traffic.maker.times = ()


def _holds_events(session: "psycopg.Connection[Any]", table: str) -> bool:
    found = session.execute(b"SELECT to_regclass(%s)", [table]).fetchone()
    if found is None or found[0] is None:
        return False
    return session.execute(f'SELECT 1 FROM "{table}" LIMIT 1'.encode()).fetchone() is not None


def _burst(scene: Scene) -> None:
    """Requests at the same moment, enough to keep all threads of the web processes busy."""
    scene.traffic.race(*(scene.traffic.maker.emission() for _ in range(THREADS)))


def _nobody_is_refused(scene: Scene) -> None:
    answers = scene.traffic.ledger.answers
    before = answers["503"]
    for _ in range(3):
        _burst(scene)
    assert answers["503"] == before, f"{answers['503'] - before} refused after healing"


def _terminate(stack: Stack) -> None:
    stack.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name <> 'faults' AND backend_type = 'client backend'"
    )
