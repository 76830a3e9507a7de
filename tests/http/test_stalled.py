"""Hundreds of stalling clients, without a proxy in front, delay nobody else and are disconnected."""

import socket
from contextlib import ExitStack, suppress
from pathlib import Path

from ingestion.receiving.inbox import InboxRequest
from telemetry_project.web.slow_clients import LOOK_SECONDS, STALLED_SECONDS
from tests.faults.stack import eventually
from tests.http.cases import BODY, CHUNKED, MIB, claiming, request
from tests.http.wire import PATIENCE, Site, status

MANY = 200
ASKED = 5  # requests by others meanwhile
SCHEMA = b"GET /api/schema/ HTTP/1.1\r\nHost: localhost\r\n\r\n"  # the largest public response
LIVE = b"GET /livez HTTP/1.1\r\nHost: 10.42.8.201:8203\r\n\r\n"
# Each takes a thread and a connection; each of two processes keeps 16 MiB of bodies in memory.
ALLOWED = 260 * MIB


def live(site: Site) -> int | None:
    """Return the status of /livez on a new connection."""
    with site.connect() as line, line.makefile("rb") as answers:
        line.sendall(LIVE)
        return status(answers, "GET")


def reader(site: Site) -> socket.socket:
    """Connect a client that requests more than its buffer holds, repeatedly, and reads nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(PATIENCE)
    line.connect(("127.0.0.1", site.port))
    line.sendall(SCHEMA)
    return line


def test_stalled_senders_and_readers_delay_nobody(site: Site) -> None:
    assert (site.ask(), live(site)) == (200, 200)
    site.forget_peak()
    before = site.memory()
    with ExitStack() as stalled:
        senders = []
        for number in range(MANY):
            senders.append(stalled.enter_context(site.connect()))
            head = claiming(500, body=b"{") if number % 2 else request(b"40\r\n{", CHUNKED, length=False)
            senders[-1].sendall(site.keyed(head))
            stalled.enter_context(reader(site))
        for _ in range(ASKED):
            assert (site.ask(), live(site)) == (200, 200)
            for sender in senders:
                sender.sendall(b" ")  # so that they stay connected
        assert {sender.getsockname()[1] for sender in senders} <= open_ports(site), "nobody was held up"
    assert site.memory() - before < ALLOWED
    assert {bytes(body) for body in InboxRequest.objects.values_list("body", flat=True)} == {BODY}


def test_large_stalled_bodies_are_kept_in_files(site: Site) -> None:
    assert site.ask() == 200
    site.forget_peak()
    before = site.memory()
    with ExitStack() as stalled:
        for _ in range(60):
            line = stalled.enter_context(site.connect())
            line.sendall(site.keyed(claiming(5 * MIB, body=b" " * (4 * MIB))))
        assert site.ask() == 200
        assert site.memory() - before < ALLOWED


def test_a_body_that_makes_no_progress_is_closed(site: Site) -> None:
    with ExitStack() as stalled:
        lines = [stalled.enter_context(site.connect()) for _ in range(20)]
        for line in lines:
            line.sendall(site.keyed(claiming(500, body=b"{")))
        for line in lines:
            line.settimeout(STALLED_SECONDS + LOOK_SECONDS + PATIENCE)
            with suppress(ConnectionError):
                while line.recv(4096):
                    pass  # the response before the close
    assert InboxRequest.objects.count() == 0
    assert site.ask() == 200


def test_a_reader_that_reads_nothing_is_closed(site: Site) -> None:
    with reader(site) as line:
        port = line.getsockname()[1]
        eventually(
            lambda: port not in open_ports(site), STALLED_SECONDS * 2 + PATIENCE, "a closed connection"
        )
    assert site.ask() == 200


def test_unread_large_responses_leave_no_files(site: Site) -> None:
    for _ in range(4):  # to both processes
        with site.connect() as line, line.makefile("rb") as answers:
            line.sendall(SCHEMA.replace(b"GET", b"HEAD"))
            assert status(answers, "HEAD") == 200
        with reader(site) as line:
            line.recv(1)
    eventually(lambda: site.unnamed_files() == 0, PATIENCE, "removed files")
    assert site.ask() == 200


def open_ports(site: Site) -> set[int]:
    """Return the client ports of the server's open connections, from /proc."""
    rows = [each.split() for each in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        int(row[2].rpartition(":")[2], 16)
        for row in rows
        if row[1].endswith(f":{site.port:04X}") and row[3] == "01"
    }
