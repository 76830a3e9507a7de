"""What tests need of the machine: without it they say so and are skipped, but in CI they fail."""

import os

import pytest

NO = ("", "0", "false", "no")


def require(name: str, condition: object, how: str) -> None:
    """Go on only where `condition` holds; `how` says how a person gets what is missing.

    With CI set in the environment a missing thing is a failure: what CI never ran, nobody has seen to work.
    """
    if condition:
        return
    reason = f"{name} is missing on this machine: {how}"
    if os.environ.get("CI", "").lower() in NO:
        pytest.skip(reason)
    pytest.fail(reason, pytrace=False)
