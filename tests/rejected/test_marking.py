"""The path of an error is located in the event, as far as it exists."""

from typing import Any

import pytest

from ingestion.admin.bodies import steps

EVENT = {"edata": {"plugin": {"ver": 1}, "a.b": [{"c": 1}, {"d": 2}]}, "list": [1, 2], "a": {"": 0}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ()),
        ("edata", ("edata",)),
        ("edata.plugin.ver", ("edata", "plugin", "ver")),
        ("edata.plugin.id", ("edata", "plugin")),
        ("edata.a.b[1].d", ("edata", "a.b", 1, "d")),
        ("list[1]", ("list", 1)),
        ("list[7]", ("list",)),
        ("list[...]", ("list",)),
        ("nowhere", ()),
    ],
)
def test_a_path_is_followed_as_far_as_it_exists(path: str, found: tuple[Any, ...]) -> None:
    assert steps(EVENT, path) == found
