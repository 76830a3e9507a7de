"""The stack that faults are injected into, with its own data folder and port, and separate processes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psycopg
import redis
from celery import Celery

from telemetry_project.stack import paths, postgres, processes, valkey
from telemetry_project.stack.launch import reap
from telemetry_project.stack.plan import MARK
from tests.serving import HOST, commands, free_port

# Few connections, so that a fault can take them all.
# A drain must detect a deadlock before its lock_timeout.
SETTINGS = {"max_connections": "40", "deadlock_timeout": "300ms"}
LOCK_TIMEOUT_MS = 1_000
STATEMENT_TIMEOUT_MS = 4_000
WORKERS = ("workers-1", "workers-2")
ENVIRONMENT = {
    "DB_LOCK_TIMEOUT_MS": str(LOCK_TIMEOUT_MS),
    "DB_STATEMENT_TIMEOUT_MS": str(STATEMENT_TIMEOUT_MS),
    "EVENT_MAX_AHEAD_HOURS": str(24 * 7 * 100),  # so that next week's events can be sent today
    "TALLY_DEMO": "0",
    "RATE_LIMITS": "off",
    "LOG_LEVEL": "WARNING",
    "PYTHONUNBUFFERED": "1",
}
_ELSEWHERE = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE")


class Stack:
    """All processes of a Tally installation."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.key = ""
        self.database: postgres.Server | None = None
        self.broker: valkey.Server | None = None
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
        self.environment = (
            kept
            | ENVIRONMENT
            | {
                "TALLY_DATA": str(data),
                "HOST": HOST,
                "PORT": str(self.port),
                MARK: str(data),
                "SECRET_KEY": "only for faults, of no value to anyone: 0123456789abcdef",
                "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            }
        )

    # --- Servers

    def start_database(self) -> None:
        """Start or restart PostgreSQL with the production settings."""
        self.database = postgres.start(self.data, SETTINGS, tied=True)

    def stop_database(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop PostgreSQL. SIGINT is a fast shutdown; SIGKILL also kills its children."""
        server = self.database
        assert server is not None
        folder = paths.cluster_folder(self.data)
        victims = processes.running_in(folder, "postgres") if number == signal.SIGKILL else [server.pid]
        processes.send(victims, number)
        assert processes.wait_until(lambda: not server.is_running(), 20), "PostgreSQL doesn't stop"
        reap()

    def start_broker(self) -> None:
        """Start Valkey, which is empty because it stores nothing on disk."""
        self.broker = valkey.start(self.data, tied=True)

    def stop_broker(self) -> None:
        """Stop Valkey."""
        assert self.broker is not None
        self.broker.stop()

    def signal_broker(self, number: signal.Signals) -> None:
        """Send Valkey a signal."""
        assert self.broker is not None
        processes.send([self.broker.pid], number)

    @contextmanager
    def broker_client(self) -> Iterator[redis.Redis]:
        """Open a connection to Valkey."""
        with redis.Redis(
            unix_socket_path=str(paths.valkey_socket(self.data)), decode_responses=True
        ) as client:
            yield client

    @contextmanager
    def celery(self) -> Iterator[Celery]:
        """Open a Celery app for sending tasks."""
        with Celery(broker=f"redis+socket://{paths.valkey_socket(self.data)}", set_as_current=False) as app:
            yield app

    @contextmanager
    def session(self) -> Iterator["psycopg.Connection[Any]"]:
        """Open a connection of the test's own, which faults don't end."""
        with psycopg.connect(
            host=str(paths.postgres_socket_folder(self.data)),
            user="postgres",
            dbname=postgres.DATABASE,
            application_name="faults",
            autocommit=True,
        ) as connection:
            yield connection

    def ask(self, statement: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        with self.session() as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def execute(self, statement: str, values: Any = None) -> None:
        """Run a statement without a result."""
        with self.session() as connection:
            connection.execute(statement.encode(), values)

    # --- Processes of the Procfile

    def start(self, name: str, **environment: str) -> None:
        """Start a process in its own group. Names like `beat-2` start further instances."""
        kind, _, number = name.partition("-")
        command = commands()[kind]
        if number:
            command = command.replace("beat-schedule", f"{name}-schedule")
        log = paths.log_folder(self.data) / f"{name}.log"
        with log.open("ab") as output:
            self.running[name] = subprocess.Popen(
                ["sh", "-c", command],
                cwd=paths.REPOSITORY,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if name == "web":
            assert processes.wait_until(self.answers, 30), log.read_text()[-3000:]

    def kill(self, name: str) -> None:
        """Kill a process and its whole group (-9)."""
        process = self.running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def tell_to_stop(self, name: str) -> None:
        """Send SIGTERM to a process and its whole group, as a Procfile runner does."""
        os.killpg(self.running[name].pid, signal.SIGTERM)

    def ended(self, name: str, seconds: float) -> int:
        """Wait until a process ends by itself, and return its exit code."""
        code = self.running[name].wait(seconds)
        del self.running[name]
        return code

    def answers(self) -> bool:
        """True if the web process responds."""
        conversation = HTTPConnection(HOST, self.port, timeout=2)
        try:
            conversation.request("GET", "/livez")
            return conversation.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            conversation.close()

    def manage(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command of manage.py."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=paths.REPOSITORY,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def managed(self, *words: str, **environment: str) -> str:
        """Run a command of manage.py and return its output, or raise AssertionError with it."""
        with self.manage(*words, **environment) as process:
            said, complaint = process.communicate(timeout=120)
        assert process.returncode == 0, said + complaint
        return said

    def logs(self) -> str:
        """Return the end of every log, for failure messages."""
        files = sorted(paths.log_folder(self.data).glob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-2000:]}" for file in files)


@contextmanager
def running() -> Iterator[Stack]:
    """Run the whole stack during the block, and remove all of it afterwards."""
    data = Path(tempfile.mkdtemp(prefix="tally-faults-"))
    stack = Stack(data)
    try:
        stack.start_database()
        stack.start_broker()
        stack.managed("migrate", "--verbosity", "0", DB_STATEMENT_TIMEOUT_MS="60000")
        (data / "static").mkdir(exist_ok=True)
        said = stack.managed(
            "create_key",
            "--owner",
            "Faults",
            "--organization",
            "faults",
            "--type",
            "secret",
            "--owners",
            "all",
        )
        stack.key = said.split()[-1]
        stack.managed("seed_prices", "--organization", "faults")
        for name in ("web", *WORKERS, "beat"):
            stack.start(name)
        yield stack
    finally:
        for name in tuple(stack.running):
            stack.kill(name)
        processes.end(lambda: processes.marked_with(MARK, str(data)), ((signal.SIGKILL, 5),))
        if stack.broker:
            stack.signal_broker(signal.SIGCONT)
            stack.broker.stop()
        if stack.database and stack.database.is_running():
            stack.stop_database()
        reap()
        shutil.rmtree(data, ignore_errors=True)


def eventually(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until the condition is true, or raise AssertionError with `what` was expected."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"Not within {seconds:g} s: {what}"
        time.sleep(0.02)
