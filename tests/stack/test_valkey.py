"""The embedded Valkey, tested with real servers."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from telemetry_project.stack import paths, processes, valkey
from telemetry_project.stack.console import StackError

START_AND_LEAVE = """
import sys
from pathlib import Path
from telemetry_project.stack import valkey
print(valkey.start(Path(sys.argv[1])).pid)
"""


def config(server: valkey.Server, name: str) -> str:
    with redis.Redis(unix_socket_path=str(server.socket), decode_responses=True) as client:
        values: dict[str, str] = client.config_get(name)
        return values[name]


@pytest.fixture
def server(data: Path) -> Iterator[valkey.Server]:
    with valkey.running(data) as running:
        yield running


def test_a_server_starts_and_stops_cleanly(data: Path) -> None:
    with valkey.running(data) as server:
        assert valkey.answers(server.socket)
        assert server.is_running()
    assert not server.is_running()
    assert not valkey.answers(server.socket)
    server.stop()  # stopping again is no error


def test_a_server_listens_only_on_a_private_socket(server: valkey.Server) -> None:
    assert config(server, "port") == "0"
    assert server.socket.stat().st_mode & 0o077 == 0


def test_a_full_server_refuses_writes_and_stores_nothing_on_disk(server: valkey.Server) -> None:
    assert config(server, "maxmemory") == str(256 * 1024 * 1024)
    assert config(server, "maxmemory-policy") == "noeviction"
    assert config(server, "save") == ""
    assert config(server, "appendonly") == "no"


def test_a_running_server_is_reused_and_left_running(server: valkey.Server) -> None:
    with valkey.running(server.data) as again:
        assert again.adopted
        assert again.pid == server.pid
    assert server.is_running()


def test_six_simultaneous_starts_give_one_server(data: Path) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", START_AND_LEAVE, data], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    pids = {starter.communicate()[0] for starter in starters}
    assert len(pids) == 1
    valkey.start(data).stop()
    assert processes.running_in(paths.valkey_folder(data), "valkey-server") == []


def test_after_kill_9_the_next_start_works(server: valkey.Server) -> None:
    os.kill(server.pid, signal.SIGKILL)
    with valkey.running(server.data) as again:
        assert again.pid != server.pid
        assert valkey.answers(again.socket)


def test_a_server_that_dies_while_being_reused_is_replaced(
    server: valkey.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After SIGKILL, a process exists for a moment longer, so a start may still find it."""
    os.kill(server.pid, signal.SIGKILL)
    assert processes.wait_until(lambda: not server.is_running(), 10)
    monkeypatch.setattr(processes, "running_in", lambda folder, name: [server.pid])
    with valkey.running(server.data) as again:
        assert again.pid != server.pid
        assert valkey.answers(again.socket)


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    with valkey.running(tmp_path / "two words" / ("x" * 100)) as server:
        assert valkey.answers(server.socket)
        assert server.socket.parent.parent == Path("/tmp")
    server.socket.unlink(missing_ok=True)
    server.socket.parent.rmdir()


def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    with pytest.raises(StackError, match=r"(?i)bad directive"):
        valkey.start(data, {"no-such-setting": "1"})
