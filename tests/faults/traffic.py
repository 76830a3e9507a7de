"""Traffic in all three dialects by clients that retry like the SDKs, and a ledger of what they sent."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD
from tests.serving import HOST
from tests.wire import samples

JSON = "application/json"
PAUSE_SECONDS = 0.05  # between a client's requests
RETRY_SECONDS = 0.2  # SDKs wait longer, but here faults last only seconds
ANSWER_SECONDS = 20
BATCH = 20


@dataclass(frozen=True)
class Request:
    """A request that can be repeated unchanged; `ids` are the client's IDs of its events."""

    path: str
    body: bytes
    ids: tuple[str, ...]
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON


@dataclass
class Ledger:
    """Events as clients know them: how often each was sent, and whether it was acknowledged with 2xx."""

    sent: Counter[str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    retries: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note_sending(self, request: Request, *, again: bool) -> None:
        """Record a request before it is sent."""
        with self.lock:
            self.requests += not again
            self.retries += again
            self.sent.update(request.ids)

    def note_answer(self, request: Request, answer: str) -> None:
        """Record the response to a request, or the failure."""
        with self.lock:
            self.answers[answer] += 1
            if answer.startswith("2"):
                self.acknowledged.update(request.ids)


class Client:
    """A client with one persistent connection, which repeats a request until the response is 2xx."""

    def __init__(self, port: int, key: str, ledger: Ledger) -> None:
        self.port, self.key, self.ledger = port, key, ledger
        self.conversation: HTTPConnection | None = None

    def deliver(self, request: Request, give_up: threading.Event) -> None:
        """Send the same body until it is acknowledged."""
        again = False
        while not give_up.is_set():
            self.ledger.note_sending(request, again=again)
            answer = self._once(request)
            self.ledger.note_answer(request, answer)
            if answer.startswith("2"):
                return
            again = True
            give_up.wait(RETRY_SECONDS)

    def _once(self, request: Request) -> str:
        headers = {"X-API-Key": self.key, "Content-Type": request.content_type} | request.headers
        try:
            if self.conversation is None:
                self.conversation = HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)
            self.conversation.request("POST", request.path, request.body, headers)
            response = self.conversation.getresponse()
            response.read()
        except (OSError, HTTPException) as error:
            self.close()
            return type(error).__name__
        return str(response.status)

    def close(self) -> None:
        """Close the connection."""
        if self.conversation:
            self.conversation.close()
            self.conversation = None


class Maker:
    """Builds requests with new IDs. `times` are the dates of their events, by default the current time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.run = f"{time.time_ns():x}"
        self.times: tuple[int, ...] = ()
        self._count = 0
        self._lock = threading.Lock()

    def id(self) -> str:
        """Return a new event ID of the client's."""
        with self._lock:
            self._count += 1
            return f"{self.run[-12:]}{self._count:08x}"

    def ms(self) -> int:
        """Return the time of an event."""
        return self.random.choice(self.times) if self.times else time.time_ns() // 1_000_000

    def batch(self) -> Request:
        """Build a batch of V3 events of all kinds, one of which is invalid."""
        ids = tuple(self.id() for _ in range(BATCH))
        events = [samples.complete(self.random.choice(samples.SUNBIRD), ms=self.ms(), mid=mid) for mid in ids]
        events[self.random.randrange(BATCH)]["actor"] = 7
        body = {"id": "api.telemetry", "ver": "3.0", "params": {"msgid": self.id()}, "events": events}
        return Request(SUNBIRD, json.dumps(body).encode(), ids)

    def message(self) -> Request:
        """Build an Availity message with its ID in a header."""
        key = self.id()
        body = json.dumps(samples.complete("ui_action")).encode()
        return Request(AVAILITY, body, (key,), {"Idempotency-Key": key})

    def emission(self) -> Request:
        """Build a Buildless event, or a stream of five."""
        ids = tuple(self.id() for _ in range(self.random.choice((1, 1, 5))))
        events = [samples.complete("emitted_event", ms=self.ms(), mid=one) for one in ids]
        if len(ids) == 1:
            return Request(EMIT, json.dumps(events[0]).encode(), ids)
        body = b"".join(json.dumps(event).encode() + b"\n" for event in events)
        return Request(STREAM, body, ids, content_type="application/x-ndjson")


@dataclass
class Traffic:
    """Three clients, one for each dialect, with a common ledger."""

    port: int
    key: str
    maker: Maker
    ledger: Ledger = field(default_factory=Ledger)
    give_up: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Send requests during the block, then wait until all of them are acknowledged."""
        stop = threading.Event()
        makers: tuple[Callable[[], Request], ...] = (
            self.maker.batch,
            self.maker.message,
            self.maker.emission,
        )
        threads = [threading.Thread(target=self._send, args=(make, stop), daemon=True) for make in makers]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
            if any(thread.is_alive() for thread in threads):
                self.give_up.set()
        assert not self.give_up.is_set(), f"Not acknowledged within a minute: {self.ledger.answers}"

    def deliver(self, request: Request) -> None:
        """Send one request over a new connection."""
        client = Client(self.port, self.key, self.ledger)
        try:
            client.deliver(request, self.give_up)
        finally:
            client.close()

    def race(self, *requests: Request) -> None:
        """Send requests at the same time."""
        barrier = threading.Barrier(len(requests))

        def run(request: Request) -> None:
            barrier.wait(60)
            self.deliver(request)

        threads = [threading.Thread(target=run, args=(request,), daemon=True) for request in requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    def _send(self, make: Callable[[], Request], stop: threading.Event) -> None:
        client = Client(self.port, self.key, self.ledger)
        try:
            while not stop.wait(PAUSE_SECONDS):
                client.deliver(make(), self.give_up)
        finally:
            client.close()
