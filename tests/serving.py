"""Starts the production server as the Procfile does, on the tests' database."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from telemetry_project.stack import paths

START_SECONDS = 180  # more than any machine needs, so that only a hanging server fails
STOP_SECONDS = 60
HOST = "127.0.0.1"


class Server(NamedTuple):
    """A running server: its main process, the port it listens on, and its log."""

    pid: int
    port: int
    log: Path

    @property
    def url(self) -> str:
        """The server's URL without a trailing slash."""
        return f"http://{HOST}:{self.port}"


def commands() -> dict[str, str]:
    """Return the Procfile's commands by name."""
    lines = (paths.REPOSITORY / "Procfile").read_text().splitlines()
    split = (line.partition(":") for line in lines if line and not line.startswith("#"))
    return {name: command.strip() for name, _, command in split}


def free_port() -> int:
    """Return a free port.

    It is below those that the kernel hands out by itself (32768 on Linux): one of these could be taken by
    another process's connection before it is used.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as asked, suppress(OSError):
            asked.bind((HOST, port))
            return port


def database_url() -> str:
    """Return the URL of the tests' database."""
    url = os.environ.get("DATABASE_URL", settings.EMBEDDED_DATABASE_URL)
    head, mark, query = url.partition("?")
    name = connection.settings_dict["NAME"]
    return f"{head.rpartition('/')[0]}/{name}{mark}{query}"


@contextmanager
def serving(log: Path, **environment: str) -> Iterator[Server]:
    """Run the server during the block; `environment` overrides the variables of the tests."""
    port = free_port()
    programs = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    own = {"DATABASE_URL": database_url(), "HOST": HOST, "PORT": str(port), "PATH": programs}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            ["sh", "-c", commands()["web"]],
            cwd=paths.REPOSITORY,
            env=os.environ | own | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_for(process, port, log)
            yield Server(process.pid, port, log)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


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
    """Post without a client library, and return the status and body of the response."""
    parts = urlsplit(url)
    conversation = HTTPConnection(parts.netloc, timeout=START_SECONDS)
    try:
        conversation.request("POST", f"{parts.path}?{parts.query}", body, headers or {})
        answer = conversation.getresponse()
        return answer.status, answer.read()
    finally:
        conversation.close()
