"""A data folder for each test, without running servers afterwards."""

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from telemetry_project.stack import paths, processes
from telemetry_project.stack.launch import reap


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    yield folder
    kill_servers(folder)


@pytest.fixture
def sweep() -> Callable[[Path], None]:
    """A function that cleans up a second data folder."""
    return kill_servers


def kill_servers(folder: Path) -> None:
    """Kill servers left by a failed test, and remove the short socket folder if there is one."""
    for place, name in (
        (paths.cluster_folder(folder), "postgres"),
        (paths.valkey_folder(folder), "valkey-server"),
    ):
        left = processes.running_in(place, name)
        processes.send(left, signal.SIGKILL)
    reap()
    sockets = paths.socket_folder(folder)
    if not sockets.is_relative_to(folder):
        shutil.rmtree(sockets, ignore_errors=True)
