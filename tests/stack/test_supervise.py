"""Whole runs of the stack as started by a person: real servers and signals, a Procfile without Django."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from telemetry_project.stack import paths, postgres, processes, valkey
from telemetry_project.stack.plan import MARK, WELCOME
from tests.serving import free_port

# Under `nohup`, it would ignore SIGHUP.
RUN = """
import json, os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from dataclasses import replace
from pathlib import Path
from telemetry_project.stack.plan import plan_from
from telemetry_project.stack.supervise import main
changes = json.loads(sys.argv[2])
sys.exit(main(lambda: replace(plan_from(os.environ), procfile=Path(sys.argv[1]), **changes)))
"""

# Answers /readyz with a file of that name.
WEB = 'exec python -m http.server "$PORT" --bind "$HOST" --directory {folder}'
LINE_SECONDS = 120
FOREVER = "exec sleep 1000"
SLEEP = [b"sleep", b"1000"]
STUBBORN = "trap '' TERM; echo stubborn; while :; do sleep 0.1; done"
# Leaves its process group, like a daemon, and has to be killed.
ESCAPED = f'setsid --fork sh -c "{STUBBORN}"; exec sleep 1000'
# Queries the database shortly after being told to stop, as in a warm shutdown.
WARM = """
import signal, sys, time
from pathlib import Path
import psycopg, redis
from telemetry_project.stack import paths
data = paths.data_folder()
def stop(*_):
    time.sleep(0.5)
    psycopg.connect(host=str(paths.postgres_socket_folder(data)), user="postgres", dbname="tally").close()
    redis.Redis(unix_socket_path=str(paths.valkey_socket(data))).ping()
    print("database and broker are still there", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("warm worker is up", flush=True)
while True: time.sleep(1)
"""
ELSEWHERE = {"DATABASE_URL": "postgres://elsewhere", "REDIS_URL": "redis://elsewhere"}

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(tmp_path: Path, data: Path, port: int) -> Iterator[Start]:
    """Start a run with this worker, detached from the terminal, with external servers by default."""
    started: list[subprocess.Popen[str]] = []
    (tmp_path / "readyz").touch()

    def start(
        worker: str = FOREVER,
        *,
        environment: Mapping[str, str] = ELSEWHERE,
        before: Sequence[Sequence[str]] = (),
        stop_seconds: float = 10,
    ) -> subprocess.Popen[str]:
        procfile = tmp_path / "Procfile"
        changes = {"before": before, "jobs": [], "stop_seconds": stop_seconds}
        folder = Path(environment.get("TALLY_DATA", data))
        folder.mkdir(exist_ok=True)
        (folder / WELCOME).write_text("Welcome")
        procfile.write_text(f"web: {WEB.format(folder=tmp_path)}\nworker: {worker}\n")
        run = subprocess.Popen(
            [sys.executable, "-c", RUN, str(procfile), json.dumps(changes)],
            env={**os.environ, "TALLY_DATA": str(data), "PORT": str(port), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(run)
        return run

    yield start
    for run in started:
        with run:
            run.kill()
    processes.send(processes.marked_with(MARK, str(data)), signal.SIGKILL)


def lines_until(run: "subprocess.Popen[str]", text: str) -> str:
    """Return the output up to the line that contains this text. A run that never prints it is killed."""
    assert run.stdout is not None
    said = ""
    limit = threading.Timer(LINE_SECONDS, run.kill)
    limit.start()
    try:
        for line in run.stdout:
            said += line
            if text in line:
                return said
    finally:
        limit.cancel()
    pytest.fail(f"{text!r} never came:\n{said}")


def everyone(data: Path) -> list[int]:
    return [
        *processes.marked_with(MARK, str(data)),
        *processes.running_in(paths.cluster_folder(data), "postgres"),
        *processes.running_in(paths.valkey_folder(data), "valkey-server"),
    ]


def sleeping(data: Path) -> list[int]:
    """Wait until a worker of this run sleeps, and return the process ids of all that do."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [pid for pid in processes.marked_with(MARK, str(data)) if _command(pid) == SLEEP]
        return bool(found)

    assert processes.wait_until(look, 10)
    return found


def _command(pid: int) -> list[bytes]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:2]
    return []


def in_order(said: str, *texts: str) -> bool:
    places = [said.find(text) for text in texts]
    return -1 not in places and places == sorted(places)


def test_ctrl_c_stops_the_processes_first_and_the_servers_last(
    data: Path, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "warm.py").write_text(WARM)
    run = start(f"exec python {tmp_path / 'warm.py'}", environment={"PYTHONPATH": str(paths.REPOSITORY)})
    said = lines_until(run, "warm worker is up")
    assert in_order(said, "Starting PostgreSQL", "Starting Valkey", "Welcome", "worker started")
    os.killpg(run.pid, signal.SIGINT)
    lines_until(run, "Stopping")
    os.killpg(run.pid, signal.SIGINT)  # an impatient person
    said, _ = run.communicate(timeout=LINE_SECONDS)
    assert run.returncode == 0
    assert in_order(said, "database and broker are still there", "Stopping Valkey", "Stopping PostgreSQL")
    assert everyone(data) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_the_run_successfully(data: Path, start: Start, number: signal.Signals) -> None:
    run = start()
    lines_until(run, "Welcome")
    run.send_signal(number)
    run.communicate(timeout=LINE_SECONDS)
    assert run.returncode == 0
    assert everyone(data) == []


def test_a_process_that_dies_is_restarted(data: Path, start: Start) -> None:
    run = start("echo at work; exec sleep 1000")
    lines_until(run, "Welcome")
    lines_until(run, "at work")
    (pid,) = sleeping(data)
    os.kill(pid, signal.SIGKILL)

    said = lines_until(run, "at work")

    assert "worker was ended by SIGKILL; restarting it in 0.5 s" in said
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=LINE_SECONDS)
    assert run.returncode == 0
    assert everyone(data) == []


def test_children_of_a_dead_process_are_ended_before_its_restart(data: Path, start: Start) -> None:
    run = start(f"({STUBBORN}) & echo at work; exec sleep 1000")
    lines_until(run, "Welcome")
    lines_until(run, "at work")
    before = len(everyone(data))
    (pid,) = sleeping(data)
    os.kill(pid, signal.SIGKILL)

    lines_until(run, "at work")

    assert processes.wait_until(lambda: len(everyone(data)) <= before, 5)


def test_a_process_that_keeps_dying_stops_everything_and_its_output_is_shown(
    data: Path, start: Start
) -> None:
    run = start("echo the cause; exit 7")
    said, _ = run.communicate(timeout=LINE_SECONDS)
    assert "worker ended with exit code 7; restarting it in 0.5 s" in said
    assert "Error: worker ended with exit code 7, 5 times within 60 s. Its last output:\nthe cause" in said
    assert run.returncode == 1
    assert everyone(data) == []


def test_killed_servers_are_restarted(data: Path, start: Start) -> None:
    run = start(environment={})
    lines_until(run, "Welcome")
    for server, folder, name in (
        ("PostgreSQL", paths.cluster_folder(data), "postgres"),
        ("Valkey", paths.valkey_folder(data), "valkey-server"),
    ):
        processes.send(processes.running_in(folder, name), signal.SIGKILL)
        lines_until(run, f"Starting {server}: done")
    assert valkey.answers(paths.valkey_socket(data))
    assert postgres.start(data).adopted
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=LINE_SECONDS)
    assert run.returncode == 0
    assert everyone(data) == []


def test_a_long_step_prints_a_line_every_few_seconds(start: Start) -> None:
    run = start(before=[["sh", "-c", "sleep 6"]])
    said = lines_until(run, "Running -c sleep 6: done")
    assert said.count("Running -c sleep 6: ") >= 2
    run.send_signal(signal.SIGINT)


def test_an_invalid_procfile_is_reported_in_one_line(start: Start, tmp_path: Path) -> None:
    run = start("true\nnonsense")
    said, _ = run.communicate(timeout=LINE_SECONDS)
    assert len(said.splitlines()) == 1
    assert "line 3: a process is written as `name: command`" in said


def test_processes_that_ignore_the_signal_or_leave_the_group_are_killed(data: Path, start: Start) -> None:
    run = start(f"{ESCAPED} & {STUBBORN}", stop_seconds=0.5)
    lines_until(run, "stubborn")
    lines_until(run, "stubborn")
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=LINE_SECONDS)
    assert "that didn't stop in time" in said
    assert run.returncode == 0
    assert everyone(data) == []


def test_a_closed_output_pipe_does_not_stop_the_run(data: Path, start: Start) -> None:
    run = start()
    lines_until(run, "Welcome")
    assert run.stdout is not None
    run.stdout.close()  # `make run | tee log`, and tee has ended
    run.send_signal(signal.SIGINT)
    assert run.wait(LINE_SECONDS) == 0
    assert everyone(data) == []


def test_a_stop_during_preparation_works(data: Path, start: Start) -> None:
    run = start(before=[["sh", "-c", "echo preparing; exec sleep 1000"]])
    lines_until(run, "preparing")
    run.send_signal(signal.SIGTERM)
    said, _ = run.communicate(timeout=LINE_SECONDS)
    assert run.returncode == 0
    assert "worker started" not in said
    assert everyone(data) == []


def test_a_failed_preparation_stops_the_servers_and_is_an_error(data: Path, start: Start) -> None:
    run = start(environment={"DATABASE_URL": "postgres://elsewhere"}, before=[["sh", "-c", "exit 3"]])
    said, _ = run.communicate(timeout=LINE_SECONDS)
    assert in_order(said, "Starting Valkey", "Stopping Valkey", "Error: -c exit 3 failed (exit code 3)")
    assert run.returncode == 1
    assert everyone(data) == []


def test_a_port_in_use_is_reported_before_anything_starts(data: Path, start: Start, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        run = start(environment={})
        said, _ = run.communicate(timeout=LINE_SECONDS)
    assert len(said.splitlines()) == 1
    assert f"127.0.0.1:{port}" in said
    assert run.returncode == 1
    assert not paths.cluster_folder(data).exists()


def test_an_invalid_port_is_reported_in_one_line(start: Start) -> None:
    run = start(environment={"PORT": "http"})
    said, _ = run.communicate(timeout=LINE_SECONDS)
    assert len(said.splitlines()) == 1
    assert "PORT is 'http'" in said


def test_a_second_run_on_the_same_data_is_refused(start: Start) -> None:
    run = start()
    lines_until(run, "Welcome")
    second = start()
    said, _ = second.communicate(timeout=LINE_SECONDS)
    assert "is already running on" in said
    assert second.returncode == 1
    assert run.poll() is None


def test_after_kill_9_of_the_run_its_processes_end_and_the_next_run_works(data: Path, start: Start) -> None:
    run = start(environment={"DATABASE_URL": "postgres://elsewhere"})
    lines_until(run, "Welcome")
    run.kill()
    run.wait(LINE_SECONDS)
    again = start(environment={"DATABASE_URL": "postgres://elsewhere"})
    lines_until(again, "Welcome")
    assert valkey.answers(paths.valkey_socket(data))
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=LINE_SECONDS)
    assert again.returncode == 0
    assert everyone(data) == []


def test_two_copies_run_side_by_side(
    data: Path, tmp_path: Path, start: Start, sweep: Callable[[Path], None]
) -> None:
    other = tmp_path / "other"
    broker = {"DATABASE_URL": "postgres://elsewhere"}
    first = start(environment=broker)
    second = start(environment={**broker, "TALLY_DATA": str(other), "PORT": str(free_port())})
    try:
        lines_until(first, "Welcome")
        lines_until(second, "Welcome")
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=LINE_SECONDS)
        assert everyone(data) == []
        assert valkey.answers(paths.valkey_socket(other))
    finally:
        second.send_signal(signal.SIGINT)
        with suppress(ValueError):
            second.communicate(timeout=LINE_SECONDS)
        sweep(other)
    assert second.returncode == 0
