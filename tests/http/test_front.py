"""The front of the web process: slots and their connections, memory of requests, slow clients."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from threading import Event, Thread
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import connection, connections
from django.http import HttpResponse, StreamingHttpResponse

from telemetry_project.web import front
from telemetry_project.web.front import IN_MEMORY, PART, SLOTS, WHOLE, Front, Parts
from telemetry_project.web.slow_clients import Client, SlowClients
from tests.faults.stack import eventually
from tests.http.wire import PATIENCE

HERE = "127.0.0.1"
NEVER = 1e6  # seconds
View = Callable[[dict[str, Any]], Any]


class GoneError(Exception):
    """The client disconnected, or Django failed."""


class Cut:
    """A body that is cut off."""

    def read(self, _: int) -> bytes:
        raise GoneError


def fronted(view: View) -> Front:
    """Return a front whose application calls a view as Django's handler would."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        request_started.send(sender=None, environ=environ)
        response = view(environ)
        start_response(f"{response.status_code} -", list(response.items()))
        return response

    return Front(application)


def call(front: Front, **environ: Any) -> Any:
    """Send a request on a new thread, as servers do. Return its response or the exception it raised."""
    found: list[Any] = []
    base = {"PATH_INFO": "/", "REMOTE_ADDR": HERE, "SERVER_PORT": "1", "wsgi.input": BytesIO()}

    def run() -> None:
        try:
            found.append(front(base | environ, lambda *_: None))
        except GoneError as error:
            found.append(error)
        found.append(connections.all(initialized_only=True))

    thread = Thread(target=run)
    thread.start()
    thread.join(PATIENCE)
    answer, kept = found
    assert kept == [], "the thread has kept a connection"
    return answer


@pytest.fixture
def made() -> Iterator[Callable[[View], Front]]:
    """A function that creates fronts, whose connections are closed after the test."""
    fronts: list[Front] = []

    def make(view: View) -> Front:
        fronts.append(fronted(view))
        return fronts[-1]

    yield make
    for each in fronts:
        for slot in each._slots if each._pid else ():
            slot.close()


Made = Callable[[View], Front]


def backend_pid(_: Any) -> HttpResponse:
    """Respond with the pid of the database backend."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return HttpResponse(str(cursor.fetchone()[0]))


@pytest.mark.django_db(transaction=True)
def test_threads_share_the_connections_of_the_slots(made: Made) -> None:
    application = made(backend_pid)
    assert len({call(application)[0] for _ in range(SLOTS + 2)}) == 1
    assert len(application._slots) == SLOTS


@pytest.mark.django_db(transaction=True)
def test_djangos_connection_handlers_run_while_the_slot_is_taken(made: Made) -> None:
    seen: list[int] = []

    def note(**_: Any) -> None:
        seen.append(len(connections.all(initialized_only=True)))

    application = made(backend_pid)
    request_finished.connect(note)
    try:
        call(application)
    finally:
        request_finished.disconnect(note)
    assert seen == [len(list(connections))]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_is_replaced_by_the_next_request(made: Made) -> None:
    application = made(backend_pid)
    pid = int(call(application)[0])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 30000)", [pid])
        assert cursor.fetchone() == (True,), "the connection hasn't ended"
    assert int(call(application)[0]) != pid


@pytest.mark.django_db(transaction=True)
def test_an_exception_only_closes_the_slots_connections(made: Made) -> None:
    def broken(_: Any) -> Any:
        connection.ensure_connection()
        connection.set_autocommit(False)
        raise GoneError

    application = made(broken)
    for _ in range(SLOTS + 1):
        assert isinstance(call(application, CONTENT_LENGTH="3", **{"wsgi.input": BytesIO(b"abc")}), GoneError)
    application._application = fronted(backend_pid)._application
    assert [call(application)[0] for _ in range(2)]
    assert (len(application._slots), application._free.qsize()) == (SLOTS, SLOTS)
    assert application._clients == {}


@pytest.mark.django_db(transaction=True)
def test_a_forked_process_uses_no_connection_of_its_parent(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = made(backend_pid)
    pid = call(application)[0]
    before = {id(slot) for slot in application._slots}
    parents = list(application._slots)
    application._pid += 1  # as after a fork
    assert call(application)[0] != pid
    assert not before & {id(slot) for slot in application._slots}
    assert (len(application._slots), application._free.qsize()) == (SLOTS, SLOTS)
    for slot in parents:
        slot.close()


def test_an_incomplete_body_releases_its_memory(made: Made) -> None:
    application = made(lambda _: HttpResponse())
    for headers in ({"CONTENT_LENGTH": str(PART + 1)}, {"HTTP_TRANSFER_ENCODING": "chunked"}):
        assert isinstance(call(application, **headers, **{"wsgi.input": Cut()}), GoneError)
    assert application._memory._left == IN_MEMORY
    assert application._clients == {}


@pytest.mark.parametrize("end", ["close", "drop"])
def test_a_large_response_counts_until_the_server_has_finished_it(made: Made, end: str) -> None:
    content = b"x" * (WHOLE + 1)
    application = made(lambda _: StreamingHttpResponse([content[:9], content[9:]]))
    answer = call(application)
    assert isinstance(answer, Parts)
    assert application._readers == 1
    if end == "close":
        assert b"".join(answer) == content
        answer.close()
        answer.close()
    else:
        del answer
    assert application._readers == 0


def test_a_failed_stream_is_not_counted_any_more(made: Made) -> None:
    def stream() -> Iterator[bytes]:
        yield b"x" * (WHOLE + 1)
        raise GoneError

    application = made(lambda _: StreamingHttpResponse(stream()))
    assert isinstance(call(application), GoneError)
    assert (application._readers, application._clients) == (0, {})


def test_requests_beyond_the_limit_of_threads_are_refused(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = made(lambda _: StreamingHttpResponse([b"x" * (WHOLE + 1)]))
    monkeypatch.setattr(front, "MOST", 1)
    answer = call(application)
    assert call(application) == [front.BUSY]
    started: list[Any] = []
    origin = {"PATH_INFO": "/v1/telemetry", "HTTP_ORIGIN": "https://app.example", "SERVER_PORT": "1"}
    application(origin, lambda *given: started.extend(given))
    assert dict(started[1])["Access-Control-Allow-Origin"] == "https://app.example"
    assert isinstance(call(application, PATH_INFO="/livez"), Parts)
    answer.close()
    assert isinstance(call(application), Parts)


def test_a_request_waiting_for_a_slot_does_not_count_as_reading(made: Made) -> None:
    entered, go_on = Event(), Event()

    def slow(_: Any) -> HttpResponse:
        entered.set()
        go_on.wait(PATIENCE)
        return HttpResponse()

    application = made(slow)
    threads = [Thread(target=call, args=(application,)) for _ in range(SLOTS + 3)]
    for thread in threads:
        thread.start()
    try:
        entered.wait(PATIENCE)
        eventually(
            lambda: [each.is_reading for each in [*application._clients.values()]] == [False] * (SLOTS + 3),
            PATIENCE,
            "requests waiting for a slot",
        )
    finally:
        go_on.set()
        for thread in threads:
            thread.join(PATIENCE)
    assert application._clients == {}


@contextmanager
def connected(count: int = 1) -> Iterator[tuple[int, list[socket.socket]]]:
    """Open connections to a port of this process. Yield the port and the clients' sockets."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HERE, 0)))
        port = listener.getsockname()[1]
        clients = []
        for _ in range(count):
            clients.append(stack.enter_context(socket.create_connection((HERE, port), timeout=PATIENCE)))
            stack.enter_context(listener.accept()[0])
        yield port, clients


def test_a_dripping_body_is_closed_after_the_time_limit() -> None:
    with connected() as (port, [dripping]):
        slow = SlowClients(port, stalled=NEVER, whole=0.5)
        slow.clients[1] = Client(HERE, time.monotonic() + NEVER)  # it has just begun
        dripping.sendall(b"x")
        assert slow.look(time.monotonic()) == 0
        slow.clients[1] = Client(HERE, time.monotonic())

        def closed() -> bool:
            dripping.sendall(b"x")
            return slow.look(time.monotonic()) == 1

        eventually(closed, PATIENCE, "the dripping connection is closed")
        assert dripping.recv(1) == b""


def test_an_address_waiting_for_a_response_is_not_closed() -> None:
    with connected(2) as (port, clients):
        slow = SlowClients(port, stalled=0.2, whole=NEVER)
        began = time.monotonic()
        slow.clients[1], slow.clients[2] = Client(HERE, began), Client(HERE, began)
        slow.clients[2].has_sent_all(began)
        eventually(lambda: time.monotonic() - began > 1, PATIENCE, "a stalled connection")
        assert slow.look(time.monotonic()) == 0
        del slow.clients[2]
        assert slow.look(time.monotonic()) == len(clients)
