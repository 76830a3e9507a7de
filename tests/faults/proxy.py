"""A proxy in front of PostgreSQL that delays requests or loses the responses to commits."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.serving import HOST

_COMMITTED = (b"INSERT 0 1\x00", b"COMMIT\x00")
_READY = b"Z\x00\x00\x00\x05I"  # idle: everything done is durable


class Proxy:
    """Listens on TCP and forwards to PostgreSQL's socket, delaying each message to it by `delay` seconds.

    One of every `cut_every` responses to commits is lost together with its connection; 0 for none.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.delay = 0.0
        self.cut_every = 0
        self.cuts = 0
        self._commits = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]

    @classmethod
    @contextmanager
    def running(cls, target: Path) -> Iterator["Proxy"]:
        """Run a proxy during the block."""
        proxy = cls(target)
        threading.Thread(target=proxy._accept, daemon=True).start()
        try:
            yield proxy
        finally:
            with proxy._lock:
                ends = [proxy._listener, *proxy._open]
            for end in ends:
                _end(end)
            proxy._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # the listener has been closed
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self.target))
            except OSError:
                client.close()
                server.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for pump in (self._ask, self._answer):
                threading.Thread(target=self._run, args=(pump, client, server), daemon=True).start()

    def _run(
        self,
        pump: Callable[[socket.socket, socket.socket], None],
        client: socket.socket,
        server: socket.socket,
    ) -> None:
        with suppress(OSError):  # if one side is gone, the other is closed too
            pump(client, server)
        for end in (client, server):
            _end(end)
        with self._lock:
            mine = self._open & {client, server}
            self._open -= mine
        if not mine:  # the other direction has ended too
            client.close()
            server.close()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(65_536):
            time.sleep(self.delay)
            server.sendall(data)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        while data := server.recv(65_536):
            if self._is_to_be_lost(data):
                return
            client.sendall(data)

    def _is_to_be_lost(self, data: bytes) -> bool:
        if not self.cut_every or not data.endswith(_READY) or not any(said in data for said in _COMMITTED):
            return False
        with self._lock:
            self._commits += 1
            lost = self._commits % self.cut_every == 0
            self.cuts += lost
        return lost


def _end(end: socket.socket) -> None:
    """Shut a socket down to wake up threads waiting on it; its owner has to close it."""
    with suppress(OSError):  # it was never connected, or is already closed
        end.shutdown(socket.SHUT_RDWR)
