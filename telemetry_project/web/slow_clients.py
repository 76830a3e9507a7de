"""Slow clients: shuts down connections whose request body makes no progress, by the kernel's figures (Linux).

Granian has no timeout for bodies and doesn't expose its sockets, so a thread checks this process's sockets
each second. It knows a request only by its client's address, and an address may have several connections. So
a connection is shut down if a body from its address takes too long, no other request of that address is
waiting for its answer (to the kernel it looks the same), and the connection itself has moved no data.

Connections whose client doesn't read are closed by the kernel (TCP_USER_TIMEOUT).
"""

import logging
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)
# Without a byte; a little more than --http1-header-read-timeout, which ends idle connections.
STALLED_SECONDS = 12.0
WHOLE_SECONDS = 90.0  # most time for a body
LOOK_SECONDS = 1.0
_FDS = Path("/proc/self/fd")
_ESTABLISHED = 1
_INFO = struct.Struct("<8B24I")  # struct tcp_info up to tcpi_total_retrans: one layout since Linux 2.6


@dataclass(slots=True)
class Client:
    """A request, with the time (monotonic seconds) since which it sends its body or waits for its answer."""

    address: str
    at: float
    is_reading: bool = True

    def has_sent_all(self, now: float) -> None:
        """Record that the body has arrived: from now on the client waits for us."""
        self.at = now
        self.is_reading = False


class SlowClients:
    """The requests of a process by thread, and the thread that checks their connections."""

    def __init__(self, port: int, stalled: float = STALLED_SECONDS, whole: float = WHOLE_SECONDS) -> None:
        self.clients: dict[int, Client] = {}
        self._port = port
        self._stalled = stalled
        self._whole = whole

    def start(self) -> None:
        """Start the checks, if this is Linux."""
        if sys.platform == "linux":
            threading.Thread(target=self._run, name="slow-clients", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.look(time.monotonic())
            except Exception:  # a failed check must not be the last
                log.exception("Connections can't be checked")

    def look(self, now: float) -> int:
        """Shut down connections that make no progress, and return their number."""
        body_seconds = self._body_seconds(now)
        closed = 0
        for connection in _connections(self._port):
            with connection, suppress(OSError):  # a listening socket, or one that is closing
                self._close_if_unread(connection)
                seconds = body_seconds.get(connection.getpeername()[0], 0.0)
                if self._is_stuck(_idle(connection), seconds):
                    connection.shutdown(socket.SHUT_RDWR)
                    closed += 1
        return closed

    def _body_seconds(self, now: float) -> dict[str, float]:
        """Return the time that the slowest body of each address has taken, except of exempt addresses."""
        clients = list(self.clients.values())
        # A client that waits for its answer looks like a stalled one: its address is exempt meanwhile.
        exempt = {
            each.address for each in clients if not each.is_reading and now - each.at >= self._stalled / 2
        }
        found: dict[str, float] = {}
        for each in clients:
            if each.is_reading and each.address not in exempt:
                found[each.address] = max(now - each.at, found.get(each.address, 0.0))
        return found

    def _close_if_unread(self, connection: socket.socket) -> None:
        """Let the kernel close a connection whose client reads nothing."""
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._stalled * 1000))

    def _is_stuck(self, idle: "_Idle", body_seconds: float) -> bool:
        is_stalled = body_seconds >= self._stalled and min(idle.received, idle.sent) >= self._stalled
        is_overdue = body_seconds >= self._whole and idle.sent >= self._whole
        return idle.is_open and (is_stalled or is_overdue)


class _Idle(NamedTuple):
    """State of a connection in the kernel: seconds since data last moved each way."""

    is_open: bool
    received: float
    sent: float


def _idle(connection: socket.socket) -> _Idle:
    info = _INFO.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
    words = info[8:]
    return _Idle(info[0] == _ESTABLISHED, received=words[11] / 1000, sent=words[9] / 1000)


def _connections(port: int) -> Iterator[socket.socket]:
    """Yield duplicates of this process's sockets at its port. The caller closes them."""
    for entry in list(_FDS.iterdir()):  # all at once, so that the duplicates aren't listed
        with suppress(OSError):
            if not str(entry.readlink()).startswith("socket:"):
                continue
            duplicate = os.dup(int(entry.name))
            try:
                connection = socket.socket(fileno=duplicate)
            except OSError:  # the number has become a file's
                os.close(duplicate)
                continue
            if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.getsockname()[1] == port:
                yield connection
            else:
                connection.close()
