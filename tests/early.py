"""Loaded before Django's settings (see addopts): the tests have a data folder and servers of their own."""

import os
from pathlib import Path

import pytest

EMBEDDED = "DATABASE_URL" not in os.environ
if EMBEDDED:
    os.environ["TALLY_DATA"] = str(Path(__file__).parent.parent / "var" / "test")
os.environ.setdefault("SECRET_KEY", "only for tests, of no value to anyone: 0123456789abcdefghij")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers, unless the environment names others."""
    if not EMBEDDED:
        return
    from telemetry_project.stack import paths, postgres, valkey  # after TALLY_DATA is set

    data = paths.data_folder()
    # What is in this cluster is gone after the run, so it need not survive a crash of the machine.
    session.config.tally_servers = [  # type: ignore[attr-defined]
        postgres.start(data, {"fsync": "off"}, tied=True),
        valkey.start(data, tied=True),
    ]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what was started."""
    for server in getattr(session.config, "tally_servers", []):
        server.stop()
