"""Processes of a running stack are killed while events are posted: they restart, and nothing is lost."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from telemetry_project.stack import paths, processes
from telemetry_project.stack.plan import MARK
from tests.serving import HOST, free_port

SECONDS = 90  # for a process to restart on a slow machine


class Run:
    """A `make run` without a demo, with a key that may write."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        self.posted: list[str] = []
        self.begun_ms = int(time.time() * 1000)
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        self.environment = environment | {
            "TALLY_DATA": str(data),
            "PORT": str(self.port),
            "TALLY_DEMO": "0",
            "SECRET_KEY": "only for tests, of no value to anyone: 0123456789abcdefghij",
        }
        self.log = data.with_suffix(".log")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "telemetry_project.stack"],
                cwd=paths.REPOSITORY,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.until(lambda: "Log in at" in self.said(), "the login line")
        self.key = self.managed("create_key", "--owner", "Team", "--organization", "acme").split()[-1]

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def until(self, true: Callable[[], bool], what: str) -> None:
        assert processes.wait_until(true, SECONDS), f"Never: {what}\n{self.said()[-3000:]}"

    def managed(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=paths.REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def has_said_more_of(self, part: str, lines: int) -> bool:
        """True once the log has a death and a restart of the process."""
        return self.said().count(f"{part} ") >= lines + 2

    def post(self) -> bool:
        """Send an event until it is accepted, retrying as clients do."""
        number = f"e{len(self.posted)}"
        body = {"eid": "LOG", "ets": self.begun_ms + len(self.posted), "ver": "3.0", "mid": number}
        body |= {
            "actor": {"id": "a", "type": "User"},
            "edata": {"type": "system", "level": "INFO", "message": "x"},
        }
        body |= {"context": {"channel": "c", "env": "e", "pdata": {"id": "app"}, "sid": "s", "did": "d"}}
        whole = {"id": "api.telemetry", "ver": "3.0", "params": {"msgid": number}, "events": [body]}
        conversation = http.client.HTTPConnection(HOST, self.port, timeout=10)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            conversation.request("POST", "/v1/telemetry", json.dumps(whole), headers)
            if conversation.getresponse().status != http.HTTPStatus.OK:
                return False
        except (OSError, http.client.HTTPException):
            return False
        finally:
            conversation.close()
        self.posted.append(number)
        return True

    def stored(self) -> set[str]:
        with psycopg.connect(
            host=str(paths.postgres_socket_folder(self.data)), user="postgres", dbname="tally"
        ) as connection:
            rows = connection.execute("SELECT client_event_id FROM events_event").fetchall()
        return {row[0] for row in rows}

    def pid_of(self, name: str) -> int:
        """Return the process ID of the first start in the log."""
        if name == "PostgreSQL":
            return min(processes.running_in(paths.cluster_folder(self.data), "postgres"))
        if name == "Valkey":
            return min(processes.running_in(paths.valkey_folder(self.data), "valkey-server"))
        *_, line = [line for line in self.said().splitlines() if f"| {name} started (pid" in line]
        return int(line.rpartition("(pid ")[2].rstrip(")"))


@pytest.fixture
def run(data: Path) -> Iterator[Run]:
    data.mkdir()
    made = Run(data)
    yield made
    if made.process.poll() is None:
        made.process.kill()
    processes.end(lambda: processes.marked_with(MARK, str(data)), ((signal.SIGKILL, 5),))


def test_killed_processes_restart_while_events_arrive_and_nothing_is_lost(run: Run, data: Path) -> None:
    names = [line.partition(":")[0] for line in (paths.REPOSITORY / "Procfile").read_text().splitlines()]
    parts = ["PostgreSQL", "Valkey", *(name for name in names if name.isalpha())]
    for part in parts:
        for _ in range(20):
            run.until(run.post, "an event is taken")
        before = run.said().count(f"{part} ")
        os.kill(run.pid_of(part), signal.SIGKILL)
        for _ in range(20):
            run.until(run.post, f"an event is taken after {part} was killed")
        run.until(partial(run.has_said_more_of, part, before), f"{part} is back")

    run.until(lambda: run.stored() == set(run.posted), "all that was taken is stored")
    assert "All agrees" in run.managed("verify")
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(60) == 0
    assert processes.marked_with(MARK, str(data)) == []
