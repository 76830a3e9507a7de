"""The embedded PostgreSQL: one server for one data folder, started, adopted and stopped."""

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

from telemetry_project.stack import cluster, paths, processes
from telemetry_project.stack.console import StackError
from telemetry_project.stack.launch import identity_for, last_lines, launch, locked, private_folder, reap

DATABASE = "tally"
_NAME = "postgres"

# For tests. A power failure may lose everything, but committed data survives kill -9. Tests of plans collect
# statistics themselves: autovacuum would find empty tables between two tests, and plan the next for no rows.
THROWAWAY: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}

# Sized for two cores and a few GiB shared with the workers. All other settings are PostgreSQL's defaults.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    # A statement over all partitions locks each of them and each of their indexes.
    "max_locks_per_transaction": "512",
    # A page of a kind joined to its envelope reads one partition of each: 0.4 ms instead of 9.4 ms.
    "enable_partitionwise_join": "on",
    # Plans over many partitions look expensive enough to compile, but compiling is what takes the time.
    "jit": "off",
    # Fewer checkpoints write each page in full less often; crash recovery stays within a minute.
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    # An acknowledged event is on disk.
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] ",
    "log_min_duration_statement": "1s",
    "log_lock_waits": "on",
    "track_io_timing": "on",
}

# Smart shutdown first, fast for clients that don't disconnect, then immediate for a server that hangs.
STOPPING: processes.Ladder = (
    (signal.SIGTERM, 4),
    (signal.SIGINT, 60),
    (signal.SIGQUIT, 10),
    (signal.SIGKILL, 5),
)
# Backends whose server was killed notice within a moment unless they compute.
_ORPHANS: processes.Ladder = ((signal.SIGQUIT, 5), (signal.SIGKILL, 5))
# After a crash the write-ahead log is replayed first: at most max_wal_size of it.
_START_SECONDS = 180


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL. `adopted`: it was running before."""

    data: Path
    pid: int
    socket_folder: Path
    adopted: bool

    def is_running(self) -> bool:
        """True if it is still running."""
        return processes.works(self.pid, paths.cluster_folder(self.data), _NAME)

    def stop(self) -> None:
        """Stop it, whoever started it. Does nothing if it has already stopped."""
        if not processes.end(lambda: [self.pid] if self.is_running() else [], STOPPING):
            raise StackError(f"PostgreSQL (pid {self.pid}) doesn't stop.")
        reap()


def start(data: Path, extra: Mapping[str, str] = {}, *, tied: bool = False) -> Server:
    """Start the server of the data folder, or adopt a running one, and create the database if it is missing.

    `extra` overrides our settings. Tied, the server stops when the calling thread ends.

    Raises: StackError: it can't be started; the text says why.
    """
    data = data.resolve()
    with locked(data / "postgres.lock"):
        pid = _running_and_ready(data)
        if pid is not None:
            server = Server(data, pid, paths.postgres_socket_folder(data), adopted=True)
            with suppress(psycopg.OperationalError):
                _create_database(server)
                return server
            # It was shutting down, so start a new one as soon as it has gone.
            if not processes.wait_until(lambda: not server.is_running(), 5):
                raise StackError(f"PostgreSQL (pid {pid}) is running in {data}, but refuses connections.")
        _clear_away(data)
        server = _launch(data, {**SETTINGS, **extra}, tied=tied)
        _create_database(server)
        return server


@contextmanager
def running(data: Path, extra: Mapping[str, str] = {}) -> Iterator[Server]:
    """Run a server for the duration of the block, or until this process ends. Adopted ones stay."""
    server = start(data, extra, tied=True)
    try:
        yield server
    finally:
        if not server.adopted:
            server.stop()


def _launch(data: Path, settings: Mapping[str, str], *, tied: bool) -> Server:
    programs = cluster.binaries()
    identity = identity_for(paths.cluster_folder(data))
    cluster.make_cluster(data, identity, programs, durable=settings["fsync"] != "off")
    sockets = paths.postgres_socket_folder(data)
    private_folder(sockets, data, identity)
    log = paths.log_folder(data) / "postgres.log"
    flags = {"unix_socket_directories": str(sockets), **settings}
    if cluster.has_library(programs, "pg_stat_statements"):
        flags = {"shared_preload_libraries": "pg_stat_statements", **flags}
    argv = [str(programs / "postgres"), "-D", str(paths.cluster_folder(data))]
    argv += [word for name, value in flags.items() for word in ("-c", f"{name}={value}")]
    process = launch(argv, log=log, tied=tied, prefix=identity.prefix)
    if not processes.wait_until(
        lambda: process.poll() is not None or _status(data) == "ready", _START_SECONDS
    ):
        process.kill()
    if process.poll() is not None:
        raise StackError(f"PostgreSQL didn't start ({log}):\n{last_lines(log)}")
    return Server(data, process.pid, sockets, adopted=False)


def _create_database(server: Server) -> None:
    host, user = str(server.socket_folder), cluster.SUPERUSER
    with psycopg.connect(host=host, user=user, dbname="postgres", autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            return
        connection.execute(f'CREATE DATABASE "{DATABASE}"')


def _running_and_ready(data: Path) -> int | None:
    """Return the pid of the running server, after waiting for one that is starting or stopping."""
    deadline = time.monotonic() + _START_SECONDS
    while (pid := _server_pid(data)) is not None:
        match _status(data):
            case "ready":
                return pid
            case "stopping":
                # It is being stopped, and a client that stays connected would block that forever.
                Server(data, pid, paths.postgres_socket_folder(data), adopted=True).stop()
        if time.monotonic() > deadline:
            raise StackError(f"PostgreSQL (pid {pid}) is running in {data}, but doesn't become ready.")
        time.sleep(0.05)
    return None


def _clear_away(data: Path) -> None:
    """Remove what a killed server left: its children, then its lock files."""
    folder = paths.cluster_folder(data)
    # End the children first: they write to the same files, and the lock file is what keeps a new server out.
    # After a stop, or once their server has died, they end by themselves.
    left = partial(processes.running_in, folder, _NAME)
    if not processes.wait_until(lambda: not left(), 0.5) and not processes.end(left, _ORPHANS):
        raise StackError(f"Processes of a PostgreSQL that was killed are still working in {folder}.")
    sockets = paths.postgres_socket_folder(data)
    for file in (
        folder / "postmaster.pid",
        sockets / f"{paths.POSTGRES_SOCKET}.lock",
        sockets / paths.POSTGRES_SOCKET,
    ):
        file.unlink(missing_ok=True)


def _server_pid(data: Path) -> int | None:
    """Return the pid in the lock file, if it still belongs to this folder's server."""
    folder = paths.cluster_folder(data)
    with suppress(OSError, ValueError, IndexError):
        pid = int(_lock_file(data)[0])
        if processes.works(pid, folder, _NAME):
            return pid
    return None


def _status(data: Path) -> str:
    """Return the status in the server's lock file: starting, ready or stopping."""
    with suppress(OSError, IndexError):
        return _lock_file(data)[7].strip()
    return "starting"


def _lock_file(data: Path) -> list[str]:
    return (paths.cluster_folder(data) / "postmaster.pid").read_text().splitlines()
