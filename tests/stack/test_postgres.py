"""The embedded PostgreSQL, tested with real servers."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from telemetry_project.stack import cluster, launch, paths, postgres, processes
from telemetry_project.stack.console import StackError
from telemetry_project.stack.postgres import THROWAWAY
from telemetry_project.stack.processes import wait_until

DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))

START_AND_LEAVE = """
import sys
from pathlib import Path
from telemetry_project.stack import postgres
print(postgres.start(Path(sys.argv[1]), postgres.THROWAWAY).pid)
"""
START_TIED_AND_WAIT = """
import sys, time
from pathlib import Path
from telemetry_project.stack import postgres
print(postgres.start(Path(sys.argv[1]), postgres.THROWAWAY, tied=True).pid, flush=True)
time.sleep(60)
"""


def connect(server: postgres.Server) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(
        host=str(server.socket_folder), user="postgres", dbname=postgres.DATABASE, autocommit=True
    )


def ask(server: postgres.Server, query: str) -> Any:
    with connect(server) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def everyone(data: Path) -> list[int]:
    return processes.running_in(paths.cluster_folder(data), "postgres")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """A server for tests that don't change it."""
    with postgres.running(tmp_path_factory.mktemp("shared"), THROWAWAY) as running:
        yield running


@pytest.fixture
def server(data: Path) -> Iterator[postgres.Server]:
    with postgres.running(data, THROWAWAY) as running:
        yield running


def test_a_server_starts_with_database_and_settings_and_stops_cleanly(data: Path) -> None:
    with postgres.running(data, {**THROWAWAY, "work_mem": "5MB"}) as server:
        assert server.is_running()
        assert not server.adopted
        assert ask(server, "SELECT current_database()") == "tally"
        assert ask(server, "SHOW work_mem") == "5MB"
        assert ask(server, "SHOW enable_partitionwise_join") == "on"
    assert everyone(data) == []
    assert not server.is_running()
    server.stop()  # stopping again is no error


def test_a_server_listens_only_on_a_private_socket(shared: postgres.Server) -> None:
    assert ask(shared, "SHOW listen_addresses") == ""
    assert shared.socket_folder.stat().st_mode & 0o077 == 0
    assert paths.cluster_folder(shared.data).stat().st_mode & 0o077 == 0


def test_files_belong_to_the_user_who_started_the_server(shared: postgres.Server) -> None:
    if os.geteuid() == 0 and not launch.namespaces_allowed():
        pytest.skip("this machine denies user namespaces")
    assert paths.cluster_folder(shared.data).stat().st_uid == os.geteuid()


def test_commits_are_durable_except_in_tests() -> None:
    assert postgres.SETTINGS["fsync"] == postgres.SETTINGS["synchronous_commit"] == "on"


def test_text_sorts_by_code_point_and_case_works_beyond_ascii(shared: postgres.Server) -> None:
    assert ask(shared, "SELECT upper('é') || ('Z' < 'a')::text") == "Étrue"


def test_statements_are_counted(shared: postgres.Server) -> None:
    assert ask(shared, "SHOW shared_preload_libraries") == "pg_stat_statements"


def test_a_running_server_is_reused_and_left_running(shared: postgres.Server) -> None:
    with postgres.running(shared.data) as again:
        assert again.adopted
        assert again.pid == shared.pid
    assert shared.is_running()


def test_six_simultaneous_starts_give_one_server(data: Path) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", START_AND_LEAVE, data], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    pids = {starter.communicate()[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 6
    assert len(pids) == 1
    server = postgres.start(data)
    assert server.pid == int(pids.pop())
    server.stop()


def test_two_data_folders_have_two_servers(data: Path, shared: postgres.Server) -> None:
    with postgres.running(data, THROWAWAY) as second:
        assert ask(second, "SELECT 1") == ask(shared, "SELECT 1")
        assert second.pid != shared.pid
    assert shared.is_running()


def test_after_kill_9_the_next_start_has_the_data(server: postgres.Server) -> None:
    with connect(server) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(server.pid, signal.SIGKILL)
    with postgres.running(server.data, THROWAWAY) as again:
        assert again.pid != server.pid
        assert ask(again, "SELECT answer FROM kept") == 42


def test_after_kill_9_busy_children_are_ended_before_the_next_start(server: postgres.Server) -> None:
    with closing(connect(server)) as connection:
        child = connection.info.backend_pid
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
        os.kill(server.pid, signal.SIGKILL)
        with postgres.running(server.data, THROWAWAY) as again:
            assert not processes.is_running(child)
            assert ask(again, "SELECT 1") == 1


def test_a_pid_file_with_the_pid_of_another_process_is_ignored(data: Path) -> None:
    with postgres.running(data, THROWAWAY):
        pass
    innocent = subprocess.Popen(["sleep", "60"])
    try:
        left = f"{innocent.pid}\n{paths.cluster_folder(data)}\n1\n5432\n\n\n\nready\n"
        (paths.cluster_folder(data) / "postmaster.pid").write_text(left)
        with postgres.running(data, THROWAWAY) as server:
            assert not server.adopted
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_a_connected_client_delays_the_stop_only_briefly(
    server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (smart, _), *fast = postgres.STOPPING
    monkeypatch.setattr(postgres, "STOPPING", ((smart, 0.5), *fast))
    with suppress(psycopg.OperationalError), connect(server) as connection:
        server.stop()
        assert not server.is_running()
        connection.execute("SELECT 1")
        pytest.fail("the connection outlived its server")


def test_a_tied_server_ends_when_its_starter_is_killed(data: Path) -> None:
    command = [sys.executable, "-c", START_TIED_AND_WAIT, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert pid in everyone(data)
        starter.kill()
    assert wait_until(lambda: everyone(data) == [], 10)


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    data = tmp_path / "two words, and a comma" / ("x" * 100)
    with postgres.running(data, THROWAWAY) as server:
        assert ask(server, "SELECT 1") == 1
        assert server.socket_folder.parent == Path("/tmp")
    server.socket_folder.rmdir()


def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    with pytest.raises(StackError, match=r'invalid value for parameter "work_mem"'):
        postgres.start(data, {**THROWAWAY, "work_mem": "much"})


def test_missing_programs_are_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no PostgreSQL server in"):
        cluster.binaries({"TALLY_PG_BIN": str(tmp_path)})


@pytest.mark.skipif(not DEBIAN, reason="needs another PostgreSQL, in /usr/lib/postgresql")
def test_other_binaries_work_but_not_with_files_of_another_version(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_PG_BIN", str(DEBIAN[0].parent))
    with postgres.running(data, THROWAWAY) as server:
        assert int(ask(server, "SHOW server_version_num")) // 10_000 == int(DEBIAN[0].parts[-3])
        assert ask(server, "SELECT upper('é') || ('Z' < 'a')::text") == "Étrue"
    monkeypatch.delenv("TALLY_PG_BIN")
    with pytest.raises(StackError, match="was created by PostgreSQL"):
        postgres.start(data)
