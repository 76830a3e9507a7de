"""The recorder: a proxy that hands every request to the server unchanged and remembers both sides.

It stands outside of the client, so what it saw is what went over the wire, whatever the client says.
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
    """Wait for a condition: beacons and pages don't say when they have sent everything."""
    until = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.02)


@dataclass(frozen=True)
class Exchange:
    """A request as it came from the client, and the server's answer to it."""

    method: str
    path: str  # with its query
    headers: dict[str, str]  # names in lower case
    body: bytes
    status: int
    answer: bytes

    @property
    def json(self) -> Any:
        """The body of the request."""
        return json.loads(self.body)

    @property
    def said(self) -> Any:
        """The body of the answer."""
        return json.loads(self.answer)


class Recorder:
    """What was exchanged with one server, in the order of the answers."""

    def __init__(self, server: str) -> None:
        self.server = urlsplit(server).netloc
        self.exchanges: list[Exchange] = []
        self.url = ""

    @property
    def posts(self) -> list[Exchange]:
        """The exchanges that sent something: preflights are none."""
        return [exchange for exchange in self.exchanges if exchange.method == "POST"]

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, bytes]:
        """Hand a request on and note it once it is answered."""
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
    """A recorder before `server`; clients send to its `url`."""
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
            """Say nothing: the exchanges are kept."""

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
