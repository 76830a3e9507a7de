"""The recorder: a proxy that forwards every request unchanged and records requests and responses.

It is independent of the client, so it sees what really went over the wire.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "date", "server"}
ANSWER_SECONDS = 180
WAIT_SECONDS = 120


def wait_for(condition: Callable[[], object]) -> None:
    """Wait for a condition, since beacons and pages don't report when everything is sent."""
    until = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.02)


@dataclass(frozen=True)
class Exchange:
    """A client's request, and the server's response."""

    method: str
    path: str  # including the query
    headers: dict[str, str]  # with lower-case names
    body: bytes
    status: int
    answer: bytes

    @property
    def json(self) -> Any:
        """The body of the request."""
        return json.loads(self.body)

    @property
    def said(self) -> Any:
        """The body of the response."""
        return json.loads(self.answer)


class Recorder:
    """The exchanges with one server, in order of the responses."""

    def __init__(self, server: str) -> None:
        self.server = urlsplit(server).netloc
        self.exchanges: list[Exchange] = []
        self.url = ""

    @property
    def posts(self) -> list[Exchange]:
        """The exchanges other than preflights."""
        return [exchange for exchange in self.exchanges if exchange.method == "POST"]

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, bytes]:
        """Forward a request, and record it with its response."""
        conversation = HTTPConnection(self.server, timeout=ANSWER_SECONDS)
        try:
            sent = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
            conversation.request(method, path, body, sent)
            answer = conversation.getresponse()
            content = answer.read()
        finally:
            conversation.close()
        self.exchanges.append(Exchange(method, path, headers, body, answer.status, content))
        return answer.status, answer.getheaders(), content


@contextmanager
def recording(server: str) -> Iterator[Recorder]:
    """Run a recorder in front of `server`. Clients send to its `url`."""
    recorder = Recorder(server)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = ANSWER_SECONDS

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length")
            assert "Transfer-Encoding" not in self.headers, "no client sends chunks"
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(length or 0))
            status, answered, content = recorder.forward(self.command, self.path, headers, body)
            self.send_response_only(status)
            for name, value in answered:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_OPTIONS(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Log nothing, since exchanges are recorded."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.daemon_threads = True
    proxy.block_on_close = False
    recorder.url = f"http://127.0.0.1:{proxy.server_port}"
    thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
