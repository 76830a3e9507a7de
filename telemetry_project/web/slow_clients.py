"""Slow clients: closes connections without progress, on Linux, by the kernel's figures.

Granian has no timeout for bodies, and doesn't expose the sockets to the application. So a thread checks the
sockets of the process, and shuts one down if its body is overdue and no data moves. The kernel closes
connections whose client reads nothing (TCP_USER_TIMEOUT).
"""

import logging
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)
STALLED_SECONDS = (
    12.0  # without a byte; a little more than --http1-header-read-timeout, which ends idle connections
)
WHOLE_SECONDS = 90.0  # most time for a body
LOOK_SECONDS = 1.0
_FDS = Path("/proc/self/fd")
_ESTABLISHED = 1
_INFO = struct.Struct("<8B24I")  # struct tcp_info up to tcpi_total_retrans: one layout since Linux 2.6


class Moved(NamedTuple):
    """State of a connection in the kernel: seconds since data last moved each way."""

    is_open: bool
    received: float
    sent: float


class Client:
    """A request, with the time (monotonic seconds) since which it sends its body or waits for its answer."""

    __slots__ = ("address", "at", "is_reading")

    def __init__(self, address: str, at: float) -> None:
        self.address = address
        self.at = at
        self.is_reading = True

    def has_sent_all(self, now: float) -> None:
        """Record that the body has arrived: from now on the client waits for us."""
        self.at = now
        self.is_reading = False


class SlowClients:
    """The requests of a process by thread."""

    def __init__(self, port: int, stalled: float = STALLED_SECONDS, whole: float = WHOLE_SECONDS) -> None:
        self.clients: dict[int, Client] = {}
        self._port = port
        self._stalled = stalled
        self._whole = whole
        self._limited: set[int] = set()

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
        """Shut down overdue connections, and return their number."""
        clients = list(self.clients.values())
        reading = [(each.address, now - each.at) for each in clients if each.is_reading]
        stalled = {address for address, seconds in reading if seconds >= self._stalled}
        overdue = {address for address, seconds in reading if seconds >= self._whole}
        # A client that waits for its answer looks like a stalled one: its address is exempt meanwhile.
        working = [each for each in clients if not each.is_reading]
        spared = {each.address for each in working if now - each.at >= self._stalled / 2}
        closed = 0
        with _connections(self._port) as found:
            self._limit(found)
            for line in found.values():
                address = _address(line)
                if address in spared or address not in stalled | overdue:
                    continue
                moved = _moved(line)
                is_stalled = moved.received >= self._stalled and moved.sent >= self._stalled
                is_overdue = address in overdue and moved.sent >= self._whole
                if moved.is_open and (is_stalled or is_overdue):
                    with suppress(OSError):
                        line.shutdown(socket.SHUT_RDWR)
                        closed += 1
        return closed

    def _limit(self, found: dict[int, socket.socket]) -> None:
        """Let the kernel close connections whose client reads nothing."""
        for inode, line in found.items():
            if inode not in self._limited:
                with suppress(OSError):
                    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._stalled * 1000))
        self._limited = set(found)


@contextmanager
def _connections(port: int) -> Iterator[dict[int, socket.socket]]:
    """Yield duplicates of this process's sockets at its port, by inode."""
    found: dict[int, socket.socket] = {}
    try:
        for each in _FDS.iterdir():
            with suppress(OSError, ValueError):
                if not str(each.readlink()).startswith("socket:"):
                    continue
                line = socket.socket(fileno=os.dup(int(each.name)))
                inode = os.fstat(
                    line.fileno()
                ).st_ino  # one of our copies may have got a number of the listing
                is_web = line.family in (socket.AF_INET, socket.AF_INET6) and line.getsockname()[1] == port
                if is_web and inode not in found:
                    found[inode] = line
                else:
                    line.close()
        yield found
    finally:
        for line in found.values():
            line.close()


def _address(line: socket.socket) -> str:
    try:
        return str(line.getpeername()[0])
    except OSError:
        return ""  # a listening or closed socket


def _moved(line: socket.socket) -> Moved:
    info = _INFO.unpack(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
    words = info[8:]
    return Moved(info[0] == _ESTABLISHED, received=words[11] / 1000, sent=words[9] / 1000)
