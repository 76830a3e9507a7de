"""A local receiver of webhooks with its own verification of signatures."""

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# A self-signed certificate for localhost, valid from 2020 to 2120.
CERTIFICATE = Path(__file__).with_name("localhost.pem")
Reply = tuple[int, dict[str, str]]
OK: Reply = (200, {})


@dataclass
class Received:
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.body)["data"]
        return found

    @property
    def mids(self) -> list[str]:
        return [each["client_event_id"] for each in self.data]

    def signatures(self, secret: str) -> tuple[str, list[str]]:
        """Return the expected signature and those that were sent."""
        key = base64.b64decode(secret.split("_", 1)[1])
        text = f"{self.message}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return f"v1,{expected}", self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """The received requests, and replies to the next ones. Without further replies, it responds 200."""

    url: str = ""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    hangs: threading.Event | None = None  # requests wait for it

    @property
    def mids(self) -> list[str]:
        return [mid for each in self.received for mid in each.mids]


@contextmanager
def receiving(*, tls: bool = False) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            names = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, names, body))
            if receiver.hangs is not None:
                receiver.hangs.wait(60)
                return
            status, headers = receiver.replies.pop(0) if receiver.replies else OK
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_port
    receiver.url = f"{'https' if tls else 'http'}://localhost:{receiver.port}/hook?a=1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        if receiver.hangs is not None:
            receiver.hangs.set()
        server.shutdown()
        server.server_close()
        thread.join()
