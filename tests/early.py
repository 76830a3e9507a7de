"""Gives each process of a run its own data folder and servers. Loaded before Django's settings (see addopts).

With `--fast` no servers are started, and only tests that need none run.
"""

import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

gc.set_threshold(100_000, 20, 20)  # by default, garbage collection takes a tenth of the time

# A run starts hundreds of processes. Without bytecode, each would compile the whole project again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

EMBEDDED = "DATABASE_URL" not in os.environ
if EMBEDDED:
    os.environ["TALLY_DATA"] = tempfile.mkdtemp(prefix="tally-test-")
    (Path(os.environ["TALLY_DATA"]) / "static").mkdir()
os.environ.setdefault("SECRET_KEY", "only for tests, of no value to anyone: 0123456789abcdefghij")
# Tests send more requests than any reader would. Tests of the limit set their own.
os.environ.setdefault("RATE_LIMIT_READER_BURST", "1000000")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--fast`."""
    parser.addoption("--fast", action="store_true", help="run only tests that need no server")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers, unless the environment names others or this process runs no test that needs one."""
    if not EMBEDDED or session.config.option.fast or _hands_out_tests(session.config):
        return
    from telemetry_project.stack import paths, postgres, valkey  # after TALLY_DATA is set

    data = paths.data_folder()
    session.config.tally_servers = [  # type: ignore[attr-defined]
        postgres.start(data, postgres.THROWAWAY, tied=True),
        valkey.start(data, tied=True),
    ]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the servers and remove their data."""
    for server in getattr(session.config, "tally_servers", []):
        server.stop()
    if EMBEDDED:
        shutil.rmtree(Path(os.environ["TALLY_DATA"]), ignore_errors=True)


def _hands_out_tests(config: pytest.Config) -> bool:
    """Return True in the process of pytest-xdist that only distributes the tests."""
    return bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")
