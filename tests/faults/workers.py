"""Faults of workers and beat: killed, stopped, absent, given the same work twice or invalid requests."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

from tests.faults.holding import PATIENCE_SECONDS, locked, wait_for_statement
from tests.faults.registry import OUTAGE_SECONDS, Scene, fault
from tests.faults.stack import WORKERS, Stack

TASK, LANE = "ingestion.drain", "filing"
OLD_TICKS = 1_800


@fault
def worker_killed(scene: Scene) -> Iterator[None]:
    """Worker process groups killed (-9) with a transaction open: events are copied but not yet counted."""
    with locked(scene, "events_usagehour", "SHARE") as session:
        wait_for_statement(session, 'INSERT INTO "events_usagehour"')
        for name in WORKERS:
            scene.stack.kill(name)
    yield
    for name in WORKERS:
        scene.stack.start(name)


@fault
def workers_told_to_stop(scene: Scene) -> Iterator[None]:
    """Workers told to stop (SIGTERM) with a transaction open: they finish it and exit."""
    with locked(scene, "events_usagehour", "SHARE") as session:
        wait_for_statement(session, 'INSERT INTO "events_usagehour"')
        for name in WORKERS:
            scene.stack.tell_to_stop(name)
    for name in WORKERS:
        assert scene.stack.ended(name, PATIENCE_SECONDS) == 0, f"{name} did not end well"
    yield
    _start(scene.stack, *WORKERS)


@fault
def workers_away(scene: Scene) -> Iterator[None]:
    """No workers for a while, until half an hour's worth of expired ticks is waiting for them."""
    for name in WORKERS:
        scene.stack.kill(name)
    with scene.stack.celery() as app:
        for _ in range(OLD_TICKS):
            app.send_task(TASK, queue=LANE, expires=0.1)
    yield
    time.sleep(OUTAGE_SECONDS)
    _start(scene.stack, *WORKERS)


@fault
def beat_away(scene: Scene) -> Iterator[None]:
    """Beat killed (-9) and away for some seconds."""
    scene.stack.kill("beat")
    yield
    time.sleep(OUTAGE_SECONDS)
    scene.stack.start("beat")


@fault
def beat_twice(scene: Scene) -> Iterator[None]:
    """A second beat sends each tick again."""
    scene.stack.start("beat-2")
    yield
    time.sleep(2 * OUTAGE_SECONDS)
    scene.stack.kill("beat-2")


@fault
def task_delivered_twice(scene: Scene) -> Iterator[None]:
    """The same task, with the same ID, delivered to all workers at the same moment."""
    with locked(scene, "events_usagehour", "SHARE") as session:
        with scene.stack.celery() as app:
            for _ in range(len(WORKERS) * 2):
                app.send_task(TASK, queue=LANE, task_id="the same")
        wait_for_statement(session, "", number=2)
    yield


@fault
def same_block_twice(scene: Scene) -> Iterator[None]:
    """Two more drains beside the workers, each waiting to update the usage counters for its block."""
    timeouts = dict.fromkeys(("DB_LOCK_TIMEOUT_MS", "DB_STATEMENT_TIMEOUT_MS"), f"{PATIENCE_SECONDS}000")
    patient = timeouts | {"PGAPPNAME": "drain"}
    with ExitStack() as running:
        with locked(scene, "events_usagehour", "SHARE") as session:
            drains = [running.enter_context(scene.stack.manage("drain", **patient)) for _ in range(2)]
            # The second may wait for sessions that the first has marked as pending.
            wait_for_statement(session, "", application="drain", number=len(drains))
        yield
        for process in drains:
            try:
                _, complaint = process.communicate(timeout=60)
            finally:
                process.kill()  # otherwise leaving the block would wait for it
            assert process.returncode == 0, complaint


@fault
def poison(scene: Scene) -> Iterator[None]:
    """Requests in the inbox that can't be decoded: invalid JSON, and an unknown dialect."""
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


def _start(stack: Stack, *names: str) -> None:
    for name in names:
        stack.start(name)
