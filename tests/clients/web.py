"""The production server as a process of its own, on the database of the tests."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

START_SECONDS = 30
STOP_SECONDS = 15
HOST = "127.0.0.1"


def database_url() -> str:
    """The URL of the database that the tests have made."""
    url = os.environ.get("DATABASE_URL", settings.EMBEDDED_DATABASE_URL)
    head, mark, query = url.partition("?")
    name = connection.settings_dict["NAME"]
    return f"{head.rpartition('/')[0]}/{name}{mark}{query}"


@contextmanager
def serving(log: Path) -> Iterator[str]:
    """Run the server as the Procfile does, with one worker; gives its address."""
    port = _free_port()
    command = [
        str(Path(sys.executable).with_name("granian")),
        "--interface",
        "wsgi",
        "--http",
        "1",
        "--no-ws",
    ]
    command += ["--host", HOST, "--port", str(port), "--workers", "1", "--blocking-threads", "4"]
    command += ["telemetry_project.wsgi:application"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            env={**os.environ, "DATABASE_URL": database_url()},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_for(process, port, log)
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind((HOST, 0))
        port: int = asked.getsockname()[1]
        return port


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if post(f"http://{HOST}:{port}/v1/telemetry/event:ping")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"The server does not answer:\n{log.read_text()[-3000:]}")


def post(url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Post without any client library: status and body of the answer."""
    parts = urlsplit(url)
    conversation = HTTPConnection(parts.netloc, timeout=START_SECONDS)
    try:
        conversation.request("POST", f"{parts.path}?{parts.query}", body, headers or {})
        answer = conversation.getresponse()
        return answer.status, answer.read()
    finally:
        conversation.close()
