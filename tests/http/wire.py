"""A minimal HTTP client on sockets: sends bytes and reads statuses."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tests.http.cases import KEY, request
from tests.serving import HOST

PATIENCE = 30.0  # seconds, for steps that take milliseconds
BODILESS = (100, 204)


class Site(NamedTuple):
    """A server and a key for it."""

    port: int
    pid: int
    key: str

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection((HOST, self.port), timeout=PATIENCE)

    def keyed(self, sent: bytes) -> bytes:
        """Return a request with the key inserted."""
        return sent.replace(KEY.encode(), self.key.encode())

    def ask(self, key: str = "") -> int:
        """Send a valid request on a new connection with this key or the site's. Return the status."""
        with self.connect() as line, line.makefile("rb") as answers:
            line.sendall(request().replace(KEY.encode(), (key or self.key).encode()))
            return status(answers) or 0

    def memory(self) -> int:
        """Return the workers' peak memory in bytes since `forget_peak`."""
        return sum(_field(worker, "VmHWM") for worker in self._workers())

    def forget_peak(self) -> None:
        """Reset the peak memory."""
        for worker in self._workers():
            Path(f"/proc/{worker}/clear_refs").write_text("5")

    def unnamed_files(self) -> int:
        """Count the temporary files that the workers hold open."""
        found = 0
        for each in (fd for worker in self._workers() for fd in Path(f"/proc/{worker}/fd").iterdir()):
            with suppress(FileNotFoundError):  # closed meanwhile
                name = str(each.readlink())
                found += name.startswith("/") and name.endswith("(deleted)")
        return found

    def _workers(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


def status(answers: BinaryIO, method: str = "POST") -> int | None:
    """Read the next response and return its status, or None if the connection is closed."""
    try:
        first = answers.readline()
    except ConnectionError:
        return None
    if not first:
        return None
    number = int(first.split()[1])
    length = 0
    while (line := answers.readline().strip().lower()) != b"":
        name, _, value = line.partition(b":")
        if name == b"content-length":
            length = int(value)
    if number not in BODILESS and method != "HEAD":
        assert len(answers.read(length)) == length
    return number


def converse(site: Site, sent: bytes, expected: int, gone: bool) -> tuple[tuple[int, ...], bool]:
    """Send bytes. Return the statuses of the responses, and whether a valid request then succeeds."""
    method = sent.split(b" ", 1)[0].decode("latin-1")
    with site.connect() as line, line.makefile("rb") as answers:
        with suppress(ConnectionError):  # the server may respond and close early
            line.sendall(site.keyed(sent))
            if gone:
                line.shutdown(socket.SHUT_WR)
        seen = [status(answers, method) for _ in range(expected)]
        behind = None
        with suppress(ConnectionError):
            if not gone:
                line.sendall(site.keyed(request()))
            behind = status(answers)
    assert behind in (200, None), f"out of step: {behind}"
    return tuple(number for number in seen if number is not None), behind == 200


def _field(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"{name} is not known of {pid}")
