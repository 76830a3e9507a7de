"""Slow clients: connections that make no progress are closed, on Linux by what the kernel knows of them.

Granian has no deadline for a body that never ends, and tells an application nothing of its sockets. So a
thread looks through the sockets of the process: where a body is overdue and nothing moves, it shuts one down.
A reader that takes nothing is left to the kernel (TCP_USER_TIMEOUT).
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
    12.0  # without a byte: a little more than --http1-header-read-timeout ends idle connections by
)
WHOLE_SECONDS = 90.0  # that a body may take in all
LOOK_SECONDS = 1.0
_FDS = Path("/proc/self/fd")
_ESTABLISHED = 1
_INFO = struct.Struct("<8B24I")  # struct tcp_info up to tcpi_total_retrans: one layout since Linux 2.6


class Moved(NamedTuple):
    """What the kernel knows of a connection: seconds since data went each way."""

    is_open: bool
    received: float
    sent: float


class Since(NamedTuple):
    """Since when a thread is busy (monotonic seconds), and for which address."""

    at: float
    address: str


class SlowClients:
    """The requests of a process whose body is being read or that are being worked on, by thread."""

    def __init__(self) -> None:
        self.reading: dict[int, Since] = {}
        self.working: dict[int, Since] = {}
        self.port = 0
        self._limited: set[tuple[int, int]] = set()

    def start(self) -> None:
        """Begin to look, where the kernel can be asked."""
        if sys.platform == "linux":
            threading.Thread(target=self._run, name="slow-clients", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.look(time.monotonic())
            except Exception:  # one look that fails must not be the last
                log.exception("Connections can't be looked through")

    def look(self, now: float) -> int:
        """Shut down what is overdue. Returns the number of connections shut down."""
        stalled = {each.address for each in [*self.reading.values()] if now - each.at >= STALLED_SECONDS}
        overdue = {each.address for each in [*self.reading.values()] if now - each.at >= WHOLE_SECONDS}
        # A request that takes long to answer looks like a stalled one: its address is spared meanwhile.
        spared = {each.address for each in [*self.working.values()] if now - each.at >= STALLED_SECONDS / 2}
        closed = 0
        with _connections(self.port) as found:
            self._limit(found)
            for line in found.values():
                address = _address(line)
                if address not in stalled or address in spared:
                    continue
                moved = _moved(line)
                is_stalled = moved.received >= STALLED_SECONDS and moved.sent >= STALLED_SECONDS
                is_overdue = address in overdue and moved.sent >= WHOLE_SECONDS
                if moved.is_open and (is_stalled or is_overdue):
                    with suppress(OSError):
                        line.shutdown(socket.SHUT_RDWR)
                        closed += 1
        return closed

    def _limit(self, found: dict[tuple[int, int], socket.socket]) -> None:
        """Let the kernel end connections whose other end takes nothing."""
        for key, line in found.items():
            if key not in self._limited:
                with suppress(OSError):
                    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALLED_SECONDS * 1000))
        self._limited = set(found)


@contextmanager
def _connections(port: int) -> Iterator[dict[tuple[int, int], socket.socket]]:
    """Copies of the sockets that this process has at its port, by descriptor and inode."""
    found: dict[tuple[int, int], socket.socket] = {}
    try:
        for each in _FDS.iterdir():
            with suppress(OSError, ValueError):
                if not str(each.readlink()).startswith("socket:"):
                    continue
                line = socket.socket(fileno=os.dup(int(each.name)))
                if line.family in (socket.AF_INET, socket.AF_INET6) and line.getsockname()[1] == port:
                    found[int(each.name), os.fstat(line.fileno()).st_ino] = line
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
        return ""  # one that listens, or that is gone


def _moved(line: socket.socket) -> Moved:
    info = _INFO.unpack(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
    words = info[8:]
    return Moved(info[0] == _ESTABLISHED, received=words[11] / 1000, sent=words[9] / 1000)
