"""Sockets and folders are derived from the data folder alone."""

import os
from pathlib import Path

import pytest

from telemetry_project.stack import paths
from telemetry_project.stack.console import StackError


def test_the_default_data_folder_is_in_the_checkout() -> None:
    assert paths.data_folder({}) == paths.REPOSITORY / "var"
    assert paths.data_folder({"TALLY_DATA": ""}) == paths.REPOSITORY / "var"


def test_a_relative_data_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.data_folder({"TALLY_DATA": "here"}) == tmp_path / "here"


def test_sockets_are_under_the_data_folder() -> None:
    data = Path("/srv/tally")
    assert paths.postgres_socket_folder(data) == Path("/srv/tally/run")
    assert paths.valkey_socket(data) == Path("/srv/tally/run/valkey.sock")


@pytest.mark.parametrize(
    "data", [Path("/srv") / ("x" * 90), Path("/srv/two words"), Path("/srv/a,b"), Path("/srv/50%")]
)
def test_a_path_too_long_for_a_socket_is_replaced_by_a_short_one(data: Path) -> None:
    folder = paths.postgres_socket_folder(data)
    assert folder.parent == Path("/tmp")
    assert len(os.fsencode(paths.valkey_socket(data))) <= paths.LONGEST_SOCKET_PATH
    assert folder == paths.postgres_socket_folder(data)
    assert folder != paths.postgres_socket_folder(data / "other")


def test_the_longest_valid_path_is_used_unchanged() -> None:
    room = paths.LONGEST_SOCKET_PATH - len("/run/.s.PGSQL.5432")
    fits = Path("/" + "x" * (room - 1))
    assert paths.socket_folder(fits) == fits / "run"
    assert paths.socket_folder(Path(f"{fits}y")).parent == Path("/tmp")


def test_a_short_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "two words"
    folder = paths.socket_folder(data)
    folder.mkdir(mode=0o755)
    try:
        with pytest.raises(StackError, match="isn't a private folder"):
            paths.socket_folder(data)
    finally:
        folder.rmdir()


def test_a_short_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "two words"
    folder = paths.socket_folder(data)
    folder.symlink_to(tmp_path)
    try:
        with pytest.raises(StackError, match="isn't a private folder"):
            paths.socket_folder(data)
    finally:
        folder.unlink()
