"""Faults of requests and web processes: kills, stalled clients, racing IDs, odd times."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from events.identity import milliseconds, week_of
from tests.faults.holding import locked, wait_for_statement
from tests.faults.registry import OUTAGE_SECONDS, Scene, fault
from tests.serving import HOST

STALLED = 40  # clients of each sort: five times the number of threads


@fault
def web_killed(scene: Scene) -> Iterator[None]:
    """Web process group killed (-9) with requests waiting in their INSERT."""
    with locked(scene, "ingestion_inboxrequest", "SHARE") as session:
        wait_for_statement(session, "INSERT INTO ingestion_inboxrequest")
        scene.stack.kill("web")
    yield
    scene.stack.start("web")


@fault
def readers_that_do_not_read(scene: Scene) -> Iterator[None]:
    """Clients that request large responses and read nothing, and as many that stop in mid-body."""
    address = (HOST, scene.stack.port)
    with ExitStack() as stalled:
        for _ in range(STALLED):
            reader = stalled.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(address)
            reader.sendall(b"GET /api/schema/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sender = stalled.enter_context(socket.create_connection(address))
            sender.sendall(b"POST /v1/telemetry HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{")
        assert scene.stack.answers(), "nobody else is answered beside stalled clients"
        yield
        time.sleep(OUTAGE_SECONDS)


@fault
def same_id_racing(scene: Scene) -> Iterator[None]:
    """Two requests with the same IDs at the same moment, in each dialect."""
    maker = scene.traffic.maker
    for make in (maker.batch, maker.message, maker.emission):
        request = make()
        scene.traffic.race(request, request)
    yield


@fault
def week_boundary(scene: Scene) -> Iterator[None]:
    """Events in the last milliseconds of one week and the first of the next."""
    monday = milliseconds(week_of(datetime.now(UTC)))
    with dated(scene, monday - 1, monday, monday + 1):
        yield
        time.sleep(OUTAGE_SECONDS)


@contextmanager
def dated(scene: Scene, *times: int) -> Iterator[None]:
    """Date new events at these times (ms) during the block."""
    scene.traffic.maker.times = times
    try:
        yield
    finally:
        scene.traffic.maker.times = ()
