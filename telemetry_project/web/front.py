"""Front of the web process: reads bodies and sends answers on cheap threads.

Granian calls the application on one of many threads, which mostly wait in Rust. Django works on a few
requests at a time, each in a slot with its own database connection. A body is read before its request gets a
slot, and the answer is complete before the slot is released, so a stalled client occupies only a waiting
thread. So does one that waits for something new: it gets a slot whenever there may be some.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import BytesIO
from queue import SimpleQueue
from typing import IO, Any, Protocol, cast
from wsgiref.types import WSGIEnvironment as Environ

from django.conf import settings
from django.db import DatabaseError, connections

from telemetry_project.web.slow_clients import Client, SlowClients

StartResponse = Callable[..., Any]
SLOTS = 4  # of each process; more gained nothing (docs/decisions/002)
MOST = 480  # threads that may wait for clients and slots; the Procfile has --blocking-threads 512
PART = 64 * 1024  # bytes, of a body or an answer
WHOLE = 256 * 1024  # most bytes of an answer that is sent from memory
IN_MEMORY = 16 * 1024 * 1024  # bytes of bodies in the memory of a process; the rest is in files
STREAMS = "tally.streams"  # of the environment: responses may be `live`
BUSY = b'{"error": {"code": "unavailable", "message": "The server is busy; try again."}}\n'


class Slot:
    """The database connections of one working request."""

    def __init__(self) -> None:
        self.connections = {alias: connections.create_connection(alias) for alias in connections}
        for connection in self.connections.values():
            connection.inc_thread_sharing()  # used by one thread at a time

    def enter(self) -> None:
        """Assign the connections to this thread."""
        for alias, connection in self.connections.items():
            connections[alias] = connection

    def leave(self) -> None:
        """Remove the connections from this thread."""
        for alias in self.connections:
            del connections[alias]

    def close(self) -> None:
        """Close the connections, whatever state they are in."""
        for connection in self.connections.values():
            with suppress(DatabaseError):
                connection.close()


class Front:
    """WSGI application that wraps Django's, which returns Django responses."""

    def __init__(self, application: Callable[[Environ, StartResponse], Any]) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._pid = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> "Answer":
        """Answer a request."""
        if self._pid != os.getpid():
            self._begin(int(environ["SERVER_PORT"]))
        if environ["PATH_INFO"] == "/livez":
            environ["wsgi.input"] = BytesIO()
            return cast(Answer, self._answer(environ, start_response))
        if len(self._clients) + self._readers >= MOST:
            start_response("503 Service Unavailable", _busy(environ))
            return [BUSY]
        environ[STREAMS] = True
        me = threading.get_ident()
        client = self._clients[me] = Client(environ.get("REMOTE_ADDR", ""), time.monotonic())
        try:
            body, held = self._memory.read(environ)
            # From here on, before it gets a slot, the client is waiting for us.
            client.has_sent_all(time.monotonic())
            environ["wsgi.input"] = body
            try:
                return self._in_slot(environ, start_response)
            finally:
                body.close()
                self._memory.give_back(held)
        finally:
            del self._clients[me]

    def _begin(self, port: int) -> None:
        """Create the slots and start watching slow clients, once in each process."""
        with self._lock:
            if self._pid == os.getpid():
                return
            # Create everything again: connections of the parent process aren't ours.
            self._memory = Memory(IN_MEMORY)
            self._slots = [Slot() for _ in range(SLOTS)]
            self._free: SimpleQueue[None] = SimpleQueue()
            for _ in self._slots:
                self._free.put(None)
            self._readers = 0
            slow = SlowClients(port)
            self._clients = slow.clients
            slow.start()
            self._pid = os.getpid()

    def _in_slot(self, environ: Environ, start_response: StartResponse) -> "Answer":
        while True:
            with self._slot():
                answer = self._answer(environ, start_response)
            if isinstance(answer, list | Parts | LiveParts):
                return answer
            answer()  # without a slot; then Django is asked again

    @contextmanager
    def _slot(self) -> Iterator[None]:
        self._free.get()
        slot = self._slots.pop()  # the one used last: its connection is the warmest
        try:
            slot.enter()
            try:
                yield
            finally:
                slot.leave()
        except BaseException:
            # Django answers exceptions itself, so this one left the connections in an unknown state.
            slot.close()
            slot = Slot()
            raise
        finally:
            self._slots.append(slot)
            self._free.put(None)

    def _answer(self, environ: Environ, start_response: StartResponse) -> "Answer | Wait":
        """Return Django's complete answer, in memory or in a file that is sent in parts.

        A response may have `wait_first`, to be called before Django is asked again, or be `live`.
        """
        started: list[Any] = []
        response = self._application(environ, lambda *args: started.extend(args))
        try:
            status, headers = started
            if (wait := getattr(response, "wait_first", None)) is not None:
                return cast(Wait, wait)
            if (live := getattr(response, "live", None)) is not None:
                start_response(status, [each for each in headers if each[0] != "Content-Length"])
                self._begin_reading()
                return LiveParts(live, self._slot, self._read)
            if not response.streaming and len(content := response.content) <= WHOLE:
                start_response(status, headers)
                return [content]
            if (ready := getattr(response, "ready_file", None)) is not None:
                start_response(status, headers)
                return self._parts(open(os.dup(ready.fileno()), "rb"))  # noqa: PTH123  (as below)
            file = _file_of(response if response.streaming else (content,))
        finally:
            response.close()
        length = file.tell()
        file.seek(0)
        if length and not response.has_header("Content-Length"):
            headers = [*headers, ("Content-Length", str(length))]
        start_response(status, headers)
        if length > WHOLE:
            return self._parts(file)
        with file:
            return [file.read()]

    def _parts(self, file: IO[bytes]) -> "Parts":
        """Return a file to be sent by the current thread, which counts as waiting until it is closed."""
        self._begin_reading()
        return Parts(file, self._read)

    def _begin_reading(self) -> None:
        with self._lock:
            self._readers += 1

    def _read(self) -> None:
        with self._lock:
            self._readers -= 1


def _file_of(parts: Iterable[bytes]) -> IO[bytes]:
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=WHOLE)  # noqa: SIM115  (`Parts` closes it)
    try:
        for part in parts:
            file.write(part)
    except BaseException:
        file.close()
        raise
    return file


class Parts:
    """A large answer, read from its file as fast as the client reads."""

    def __init__(self, file: IO[bytes], closed: Callable[[], None]) -> None:
        self._file = file
        self._closed = closed

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(PART), b"")

    def close(self) -> None:
        """Remove the file, once."""
        if not self._file.closed:
            self._file.close()
            self._closed()

    __del__ = close  # a server that drops an answer without closing it must not use up the threads


class Live(Protocol):
    """An answer without an end in sight, such as a stream of events."""

    def read(self) -> bytes | None:
        """Return what is new, which may be nothing; None at the end. In a slot."""

    def wait(self) -> object:
        """Wait for something new. Without a slot."""


class LiveParts:
    """An answer that is sent while it is made, on the thread that waits for its client."""

    def __init__(
        self, live: Live, slot: Callable[[], AbstractContextManager[None]], closed: Callable[[], None]
    ) -> None:
        self._live = live
        self._slot = slot
        self._closed = closed
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        while self._is_open:
            with self._slot():
                part = self._live.read()
            if part is None:
                return
            if part:
                yield part
            self._live.wait()

    def close(self) -> None:
        """Free the thread, once."""
        if self._is_open:
            self._is_open = False
            self._closed()

    __del__ = close  # as of `Parts`


class Memory:
    """Buffer of received bodies: in memory up to a limit, the rest in temporary files."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()

    def read(self, environ: Environ) -> tuple[IO[bytes], int]:
        """Return the body of a request, and the bytes of memory to release afterwards.

        A body whose length is too large isn't read; of a chunked one, just enough is read to notice.
        """
        is_chunked = (
            "HTTP_TRANSFER_ENCODING" in environ and "chunked" in environ["HTTP_TRANSFER_ENCODING"].lower()
        )
        length = _length(environ)
        if not is_chunked and length <= PART:
            return BytesIO(environ["wsgi.input"].read(length) if length else b""), 0
        limit = max(settings.INGEST_MAX_BODY_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        if is_chunked:
            length = limit + 1
        elif length > limit:
            return BytesIO(), 0
        held = self._take(length)
        file: IO[bytes] = BytesIO() if held else tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
        try:
            while length > 0 and (part := environ["wsgi.input"].read(min(PART, length))):
                file.write(part)
                length -= len(part)
            file.seek(0)
        except BaseException:  # the client is gone, or the disk is full
            file.close()
            self.give_back(held)
            raise
        return file, held

    def give_back(self, held: int) -> None:
        """Release the memory."""
        if held:
            with self._lock:
                self._left += held

    def _take(self, length: int) -> int:
        with self._lock:
            if length > self._left:
                return 0
            self._left -= length
            return length


Answer = list[bytes] | Parts | LiveParts
Wait = Callable[[], object]


def _busy(environ: Environ) -> list[tuple[str, str]]:
    """Return the headers of `BUSY`, which the page that sent the request may read too."""
    headers = [("Content-Type", "application/json"), ("Retry-After", "5"), ("Connection", "close")]
    if origin := environ.get("HTTP_ORIGIN"):
        headers += [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "Retry-After"),
            ("Vary", "Origin"),
        ]
    return headers


def _length(environ: Environ) -> int:
    try:
        return max(0, int(environ.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0
