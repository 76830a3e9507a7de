"""The user that PostgreSQL runs as when root starts it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry_project.stack import cluster, launch, paths, postgres
from telemetry_project.stack.console import StackError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "namespaces_allowed", lambda: False)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, like /srv."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_without_namespaces_another_user_runs_postgresql(no_namespaces: None, open_folder: Path) -> None:
    nobody = launch.Identity(("setpriv", f"--reuid={launch.NOBODY}", "--clear-groups"), launch.NOBODY, 0)
    open_folder.chmod(0o777)
    try:
        launch.refuse_unless_reachable(nobody, binary=cluster.binaries() / "postgres", folder=open_folder)
    except StackError:
        pytest.skip("other users can't reach this checkout")
    open_folder.chmod(0o755)
    data = open_folder / "data"
    with postgres.running(data, postgres.THROWAWAY) as server:
        assert paths.cluster_folder(data).stat().st_uid == launch.NOBODY
        assert Path(f"/proc/{server.pid}").stat().st_uid == launch.NOBODY
    with postgres.running(data, postgres.THROWAWAY) as again:
        assert again.pid != server.pid


def test_a_folder_that_the_user_cannot_reach_is_explained(no_namespaces: None, data: Path) -> None:
    with pytest.raises(StackError, match=r"refuses to run as root, .* DATABASE_URL"):
        postgres.start(data, postgres.THROWAWAY)


def test_files_of_root_need_namespaces(no_namespaces: None, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="denies user namespaces"):
        launch.identity_for(tmp_path)


def test_files_of_another_user_are_served_as_that_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1234)
    assert launch.identity_for(tmp_path).user == 1234
