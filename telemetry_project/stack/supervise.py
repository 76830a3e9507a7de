"""Runs Tally on one machine: servers, preparations and the Procfile's processes, and stops them in order."""

import http.client
import shlex
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from telemetry_project.stack import paths, postgres, processes, valkey
from telemetry_project.stack.components import Component, Job, Program, ProgramComponent, ServerComponent
from telemetry_project.stack.console import StackError, say, show, step
from telemetry_project.stack.launch import locked
from telemetry_project.stack.plan import MARK, Plan, commands_in

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_READY_SECONDS = 120
WEB = "web"  # the Procfile's line that starts first
_LOOK_SECONDS = 0.1
_LEFT_BEHIND: processes.Ladder = ((signal.SIGTERM, 2), (signal.SIGKILL, 5))


def main(make_plan: Callable[[], Plan]) -> int:
    """Run the plan and return the exit code. An error is one line."""
    try:
        return run(make_plan())
    except StackError as error:
        say(f"Error: {error}")
        return 1


def run(plan: Plan) -> int:
    """Run until a signal asks to stop, and return 0. Nothing is left running.

    Raises:
        StackError: the start failed, or a component died repeatedly; everything started is stopped.
    """
    with _stop_requests() as stop, _alone(plan.data):
        _end_left_behind(plan.data, "of an earlier run")
        _refuse_taken_port(plan.host, plan.port)
        commands = commands_in(plan.procfile)
        with ExitStack() as running:
            servers = _start_servers(plan, running)
            # Before the servers stop: end their clients first.
            running.callback(_end_left_behind, plan.data, "that didn't stop in time")
            for command in plan.before:
                _prepare(plan, command, stop)
            if stop.is_set():
                return 0
            programs = [ProgramComponent(name, text, plan.environment) for name, text in commands.items()]
            programs += [Job(job.name, shlex.join(job.command), plan.environment) for job in plan.jobs]
            running.callback(_stop_programs, programs, plan.stop_seconds)
            _watch(plan, servers, programs, stop)
    return 0


def _start_servers(plan: Plan, running: ExitStack) -> list[ServerComponent]:
    """Start the servers that aren't elsewhere."""
    logs = paths.log_folder(plan.data)
    servers = []
    if plan.embeds_postgres:
        launch = partial(postgres.start, plan.data, tied=True)
        servers.append(ServerComponent("PostgreSQL", launch, logs / "postgres.log"))
    if plan.embeds_valkey:
        servers.append(
            ServerComponent("Valkey", partial(valkey.start, plan.data, tied=True), logs / "valkey.log")
        )
    for server in servers:
        server.start()
        running.callback(server.stop)
    return servers


def _prepare(plan: Plan, command: Sequence[str], stop: threading.Event) -> None:
    """Run a command to its end, unless a stop is requested."""
    if stop.is_set():
        return
    name = " ".join(command[1:3])
    with step(f"Running {name}"):
        program = Program("prepare", command, plan.environment)
        while program.is_running() and not stop.is_set():
            stop.wait(0.05)
        if program.is_running():
            _stop_all([program], plan.stop_seconds)
        program.clear()
        code = program.process.returncode
        if code != 0 and not stop.is_set():
            raise StackError(f"{name} failed (exit code {code}); its lines are above.")


def _watch(
    plan: Plan, servers: Sequence[Component], programs: Sequence[ProgramComponent], stop: threading.Event
) -> None:
    """Start the web server, then the rest, and restart components that die, until a stop.

    People can log in while the rest starts: together they take twice as long on two cores.
    """
    first = [program for program in programs if program.name == WEB]
    started: list[Component] = [*servers, *first]
    with ExitStack() as starting:
        starting.enter_context(step("Starting the web server"))
        for program in first:
            program.start()
        waited_since, is_welcome = time.monotonic(), False
        while not stop.wait(_LOOK_SECONDS):
            for component in started:
                component.check()
            if is_welcome:
                continue
            if _is_ready(plan):
                is_welcome = True
                starting.close()
                _welcome(plan)
                rest = [program for program in programs if program.name != WEB]
                for program in rest:
                    program.start()
                started.extend(rest)
            elif time.monotonic() - waited_since > _READY_SECONDS:
                raise StackError(
                    f"Not ready after {_READY_SECONDS} s: {plan.address}/readyz doesn't answer 200."
                )
    say("Stopping; a second Ctrl-C changes nothing")


def _welcome(plan: Plan) -> None:
    """Print the text that `prepare` left, and remove its file: it may contain passwords."""
    try:
        text = plan.welcome.read_text()
    except FileNotFoundError:
        text = f"Tally is running: {plan.address}"
    plan.welcome.unlink(missing_ok=True)
    show(text)


def _stop_programs(components: list[ProgramComponent], seconds: float) -> None:
    """Stop all running programs at once."""
    _stop_all([each.program for each in components if each.program is not None], seconds)


def _stop_all(programs: Sequence[Program], seconds: float) -> None:
    left = [program for program in programs if program.is_running()]
    if not left:
        return
    names = ", ".join(program.name for program in left)

    def how_far() -> str:
        return "waiting for " + ", ".join(program.name for program in left if program.is_running())

    with step(f"Stopping {names}", how_far):
        for program in left:
            program.signal(signal.SIGTERM)
        processes.wait_until(lambda: not any(program.is_running() for program in left), seconds)
        for program in programs:
            program.signal(signal.SIGKILL)
            program.process.wait()


def _end_left_behind(data: Path, which: str) -> None:
    """End remaining processes of this data folder, including those that left their group."""
    if left := processes.marked_with(MARK, str(data)):
        say(f"Ending {len(left)} process(es) {which}")
        processes.end(lambda: processes.marked_with(MARK, str(data)), _LEFT_BEHIND)


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """Yield an event that stop signals set. A second Ctrl-C has no further effect."""
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
    """Allow one run per data folder, so that any other process of that folder is a leftover."""
    with ExitStack() as lock:
        try:
            lock.enter_context(locked(data / "run.lock", wait=False))
        except BlockingIOError:
            raise StackError(
                f"Tally is already running on {data}. To run a second one, set TALLY_DATA and PORT."
            ) from None
        yield


def _refuse_taken_port(host: str, port: int) -> None:
    try:
        [(family, *_, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            # Like the web server: lingering connections of an earlier run don't count.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise StackError(
            f"Can't listen on {host}:{port} ({error.strerror}): set another PORT, such as PORT=8001 make run."
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
