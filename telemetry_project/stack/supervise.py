"""Runs Tally on one machine: servers, preparations, the Procfile's processes; stops all of it in order."""

import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from telemetry_project.stack import paths, postgres, processes, valkey
from telemetry_project.stack.errors import StackError
from telemetry_project.stack.launch import locked, tie
from telemetry_project.stack.plan import MARK, Plan
from telemetry_project.stack.speech import say

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_READY_SECONDS = 120
_LEFT_BEHIND: processes.Ladder = ((signal.SIGTERM, 2), (signal.SIGKILL, 5))


def main(make_plan: Callable[[], Plan]) -> int:
    """Run what is asked for; the exit code. An error is one line."""
    try:
        return run(make_plan())
    except StackError as error:
        say(f"Error: {error}")
        return 1


def run(plan: Plan) -> int:
    """Run until a signal asks to stop (0) or a process ends by itself (not 0). Nothing is left running.

    Raises:
        StackError: it didn't come up; what had been started is stopped.
    """
    with _stop_requests() as stop, _alone(plan.data):
        _end_left_behind(plan.data, "of an earlier run")
        _refuse_taken_port(plan.host, plan.port)
        with ExitStack() as servers:
            checks = _start_servers(plan, servers)
            # Before the servers stop: what talks to them ends first.
            servers.callback(_end_left_behind, plan.data, "that didn't stop in time")
            for command in plan.before:
                _step(plan, command, stop)
            return 0 if stop.is_set() else _run_processes(plan, checks, stop)


def _start_servers(plan: Plan, servers: ExitStack) -> dict[str, Callable[[], bool]]:
    """Start what isn't elsewhere; for each, the question whether it still runs."""
    checks: dict[str, Callable[[], bool]] = {}
    if plan.embeds_postgres:
        say("Starting PostgreSQL")
        database = postgres.start(plan.data, tied=True)
        servers.callback(_stop, "PostgreSQL", database.stop)
        checks["PostgreSQL"] = database.is_running
    if plan.embeds_valkey:
        say("Starting Valkey")
        broker = valkey.start(plan.data, tied=True)
        servers.callback(_stop, "Valkey", broker.stop)
        checks["Valkey"] = broker.is_running
    return checks


def _stop(name: str, stop: Callable[[], None]) -> None:
    say(f"Stopping {name}")
    stop()


def _step(plan: Plan, command: Sequence[str], stop: threading.Event) -> None:
    """Run a command to its end, unless a stop is asked for."""
    if stop.is_set():
        return
    name = " ".join(command[1:])
    say(name)
    with _child(plan, command) as process:
        while process.poll() is None and not stop.is_set():
            stop.wait(0.05)
    if process.returncode != 0 and not stop.is_set():
        raise StackError(f"{name} failed (exit code {process.returncode}).")


def _run_processes(plan: Plan, checks: Mapping[str, Callable[[], bool]], stop: threading.Event) -> int:
    """Run the Procfile until something ends; 0 when that was asked for."""
    command = [sys.executable, "-m", "telemetry_project.stack.procfile", str(plan.procfile)]
    with _child(plan, command, seconds=plan.stop_seconds) as honcho:
        waited_since, welcomed = time.monotonic(), False
        while not stop.wait(0.1):
            if (code := honcho.poll()) is not None:
                say("A process has ended by itself, so all are stopped")
                return code or 1
            if gone := [name for name, runs in checks.items() if not runs()]:
                raise StackError(f"{gone[0]} has ended by itself, so all are stopped.")
            if welcomed:
                continue
            if welcomed := _is_ready(plan):
                for after in plan.after:
                    _step(plan, after, stop)
            elif time.monotonic() - waited_since > _READY_SECONDS:
                raise StackError(
                    f"Not ready after {_READY_SECONDS} s: {plan.address}/readyz doesn't answer 200."
                )
        say("Stopping")
    return 0


@contextmanager
def _child(plan: Plan, command: Sequence[str], seconds: float = 10) -> Iterator[subprocess.Popen[bytes]]:
    """A process out of the terminal's reach, that ends with the block."""
    process = subprocess.Popen(
        [*tie(), *command],
        cwd=paths.REPOSITORY,
        env=dict(plan.environment),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        process.wait()


def _end_left_behind(data: Path, which: str) -> None:
    """End the processes of this data folder that are still there, also those that left their group."""
    if left := processes.marked_with(MARK, str(data)):
        say(f"Ending {len(left)} process(es) {which}")
        processes.end(lambda: processes.marked_with(MARK, str(data)), _LEFT_BEHIND)


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """An event that a stop signal sets; the second Ctrl-C says no more than the first."""
    stop = threading.Event()
    wanted = [number for number in _STOP_SIGNALS if not _is_nohup(number)]
    former = {number: signal.signal(number, lambda *_: stop.set()) for number in wanted}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _is_nohup(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """One run for a data folder: so whatever else runs for it has been left behind."""
    with ExitStack() as lock:
        try:
            lock.enter_context(locked(data / "run.lock", wait=False))
        except BlockingIOError:
            raise StackError(
                f"Tally is running on {data} already; for a second one set TALLY_DATA and PORT."
            ) from None
        yield


def _refuse_taken_port(host: str, port: int) -> None:
    try:
        [(family, *_, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            # As the web server does it: connections that linger from an earlier run don't count.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise StackError(
            f"Can't listen on {host}:{port} ({error.strerror}): set another PORT, as in PORT=8001 make run."
        ) from error


def _is_ready(plan: Plan) -> bool:
    connection = http.client.HTTPConnection(plan.address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
