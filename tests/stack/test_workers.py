"""Worker processes of lanes are restarted when they die, and end with their parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from telemetry_project.stack import paths, processes
from tests.serving import database_url

START_SECONDS = 90

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def running(*lanes: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the command with some lanes, in its own process group, and wait until all lanes work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry_project.workers", *lanes],
        cwd=paths.REPOSITORY,
        env=os.environ | {"DATABASE_URL": database_url()},
        start_new_session=True,
    )
    try:
        # A lane works once its pool has a child.
        assert processes.wait_until(lambda: len(working(process.pid)) == len(lanes), START_SECONDS)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def children(pid: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def working(pid: int) -> list[int]:
    """Return the pids of lanes whose pools have children."""
    return [lane for lane in children(pid) if processes.is_running(lane) and children(lane)]


def test_a_lane_that_dies_is_restarted_and_the_others_continue() -> None:
    with running("mail=1", "jobs=1") as process:
        victim, other = working(process.pid)
        os.kill(victim, signal.SIGKILL)
        assert processes.wait_until(
            lambda: len(working(process.pid)) == 2 and victim not in working(process.pid), START_SECONDS
        )
        assert other in working(process.pid)


def test_a_stop_signal_to_the_group_ends_all_lanes_with_success() -> None:
    with running("mail=1", "jobs=1") as process:
        lanes = working(process.pid)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(START_SECONDS) == 0
        assert not any(processes.is_running(lane) for lane in lanes)


def test_no_lane_outlives_the_command() -> None:
    with running("mail=1") as process:
        lanes = working(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert processes.wait_until(lambda: not any(map(processes.is_running, lanes)), START_SECONDS)
