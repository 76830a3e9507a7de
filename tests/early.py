"""Loaded before Django's settings (see addopts): each run has a data folder and servers of its own."""

import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest

gc.set_threshold(100_000, 20, 20)  # as it is, a tenth of the time goes into looking for garbage

EMBEDDED = "DATABASE_URL" not in os.environ
if EMBEDDED:
    os.environ["TALLY_DATA"] = tempfile.mkdtemp(prefix="tally-test-")
os.environ.setdefault("SECRET_KEY", "only for tests, of no value to anyone: 0123456789abcdefghij")
# Tests ask more than any reader would; those of the limit itself set one.
os.environ.setdefault("RATE_LIMIT_READER_BURST", "1000000")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers, unless the environment names others."""
    if not EMBEDDED:
        return
    from telemetry_project.stack import paths, postgres, valkey  # after TALLY_DATA is set

    data = paths.data_folder()
    (data / "static").mkdir(parents=True, exist_ok=True)
    session.config.tally_servers = [  # type: ignore[attr-defined]
        postgres.start(data, postgres.THROWAWAY, tied=True),
        valkey.start(data, tied=True),
    ]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what was started and leave nothing."""
    for server in getattr(session.config, "tally_servers", []):
        server.stop()
    if EMBEDDED:
        shutil.rmtree(Path(os.environ["TALLY_DATA"]), ignore_errors=True)
