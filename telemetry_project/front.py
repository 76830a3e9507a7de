"""The front of the web process: takes bodies in and hands answers out on threads that cost nothing.

Granian calls the application on one of many threads, which mostly wait in Rust. Django works on a few at a
time, each with a database connection of its own: a slot. A body is read before its request gets a slot, and
an answer is made whole before the slot is given back, so a client that stalls holds a waiting thread only.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from queue import SimpleQueue
from typing import IO, Any

from django.conf import settings
from django.db import connections

from telemetry_project.slow_clients import Since, SlowClients

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
SLOTS = 4  # of a process: more gained nothing (docs/decisions/002)
MOST = 480  # threads that may wait for clients and slots; the Procfile has --blocking-threads 512
PART = 64 * 1024  # bytes, of a body or an answer
WHOLE = 256 * 1024  # bytes of an answer that is handed over at once: it waits in memory for its reader
IN_MEMORY = 16 * 1024 * 1024  # bytes of bodies that a process holds in memory; the others are in files
BUSY = b'{"error": {"code": "unavailable", "message": "The server is busy; try again."}}\n'


class Slot:
    """A place to work at: the database connections that a request has."""

    def __init__(self) -> None:
        self.connections = {alias: connections.create_connection(alias) for alias in connections}
        for connection in self.connections.values():
            connection.inc_thread_sharing()  # by one thread at a time

    def enter(self) -> None:
        """Give the connections to this thread."""
        for alias, connection in self.connections.items():
            connections[alias] = connection

    def leave(self) -> None:
        """Take them back."""
        for alias in self.connections:
            del connections[alias]


class Front:
    """The WSGI application around Django's."""

    def __init__(self, application: Callable[[Environ, StartResponse], Any]) -> None:
        self._application = application
        self._free: SimpleQueue[Slot] = SimpleQueue()
        self._clients = SlowClients()
        self._memory = Memory(IN_MEMORY)
        self._waiting = 0
        self._lock = threading.Lock()
        self._pid = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if self._pid != os.getpid():
            self._begin()
        if environ["PATH_INFO"] == "/livez":
            environ["wsgi.input"] = BytesIO()
            return self._answer(environ, start_response)
        if not self._may_wait():
            headers = [("Content-Type", "application/json"), ("Retry-After", "5"), ("Connection", "close")]
            start_response("503 Service Unavailable", headers)
            return [BUSY]
        self._clients.port = int(environ["SERVER_PORT"])
        try:
            answer = self._taken_in(environ, start_response)
        except BaseException:
            self._went()
            raise
        if isinstance(answer, list):
            self._went()
            return answer
        return answer

    def _begin(self) -> None:
        """Make the slots, and look for slow clients, once in each process."""
        with self._lock:
            if self._pid == os.getpid():
                return
            for _ in range(SLOTS):
                self._free.put(Slot())
            self._clients.start()
            self._pid = os.getpid()

    def _may_wait(self) -> bool:
        with self._lock:
            if self._waiting >= MOST:
                return False
            self._waiting += 1
            return True

    def _went(self) -> None:
        with self._lock:
            self._waiting -= 1

    def _taken_in(self, environ: Environ, start_response: StartResponse) -> "list[bytes] | Parts":
        me, since = threading.get_ident(), Since(time.monotonic(), environ["REMOTE_ADDR"])
        self._clients.reading[me] = since
        try:
            body, held = self._memory.read(environ)
        finally:
            del self._clients.reading[me]
        environ["wsgi.input"] = body
        slot = self._free.get()
        self._clients.working[me] = Since(time.monotonic(), since.address)
        try:
            slot.enter()
            return self._answer(environ, start_response)
        finally:
            slot.leave()
            self._free.put(slot)
            del self._clients.working[me]
            body.close()
            self._memory.give_back(held)

    def _answer(self, environ: Environ, start_response: StartResponse) -> "list[bytes] | Parts":
        """Return Django's answer, whole: in memory, or in a file from which it is read in parts."""
        started: list[Any] = []
        response = self._application(environ, lambda *args: started.append(args))
        try:
            if not response.streaming and len(response.content) <= WHOLE:
                start_response(*started[0][:2])
                return [response.content]
            if (ready := getattr(response, "ready_file", None)) is not None:
                start_response(*started[0][:2])
                return Parts(ready.open("rb"), self._went)
            file = _file_of(response if response.streaming else (response.content,))
        finally:
            response.close()
        length = file.tell()
        file.seek(0)
        status, headers = started[0][:2]
        if length and not response.has_header("Content-Length"):
            headers = [*headers, ("Content-Length", str(length))]
        start_response(status, headers)
        if length > WHOLE:
            return Parts(file, self._went)
        with file:
            return [file.read()]


def _file_of(parts: Iterable[bytes]) -> IO[bytes]:
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=WHOLE)  # noqa: SIM115  (`Parts` closes it)
    for part in parts:
        file.write(part)
    return file


class Parts:
    """A large answer, read from its file as fast as the client takes it."""

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


class Memory:
    """Bodies that have come in: some bytes of them in memory, what is more in temporary files."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()

    def read(self, environ: Environ) -> tuple[IO[bytes], int]:
        """Return the body of a request, and how many bytes of memory to give back after it.

        Of one that is too large nothing is read, since its length says so; of one in chunks so much that it
        shows.
        """
        limit = max(settings.INGEST_MAX_BODY_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        is_chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        length = limit + 1 if is_chunked else _length(environ)
        if length == 0 or (length > limit and not is_chunked):
            return BytesIO(), 0
        stream: Any = environ["wsgi.input"]
        if length <= PART:
            return BytesIO(stream.read(length)), 0
        held = self._take(length)
        file: IO[bytes] = BytesIO() if held else tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
        while length > 0 and (part := stream.read(min(PART, length))):
            file.write(part)
            length -= len(part)
        file.seek(0)
        return file, held

    def give_back(self, held: int) -> None:
        """Let others have the memory."""
        if held:
            with self._lock:
                self._left += held

    def _take(self, length: int) -> int:
        with self._lock:
            if length > self._left:
                return 0
            self._left -= length
            return length


def _length(environ: Environ) -> int:
    try:
        return max(0, int(environ.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0
