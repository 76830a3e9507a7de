"""Requirements of tests on the machine: without them they are skipped with a reason, or fail in CI."""

import os

import pytest

NO = ("", "0", "false", "no")


def require(name: str, condition: object, how: str) -> None:
    """Skip the test unless `condition` holds. `how` explains how to install what is missing.

    If CI is set in the environment, fail instead: a test that CI always skips proves nothing.
    """
    if condition:
        return
    reason = f"{name} is missing on this machine: {how}"
    if os.environ.get("CI", "").lower() in NO:
        pytest.skip(reason)
    pytest.fail(reason, pytrace=False)
