"""The stack that is measured: Tally's own processes from the Procfile, with a data folder of their own."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PORT = 8_765


class Servers(NamedTuple):
    """The processes of the two servers."""

    postgres: int
    valkey: int


def environment() -> dict[str, str]:
    """Where the measured stack has its data, and the settings it runs with."""
    os.environ["TALLY_DATA"] = str(ROOT / "var" / "bench")
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    os.environ["PORT"] = str(PORT)
    # One key and one address send all: the limits are asked as ever, and met by none.
    for whose in ("KEY", "ADDRESS", "READER"):
        os.environ[f"RATE_LIMIT_{whose}_PER_SECOND"] = os.environ[f"RATE_LIMIT_{whose}_BURST"] = "100000"
    # The largest requests come faster than they are filed.
    os.environ["OWNER_MAX_WAITING_BYTES"] = str(16 << 30)
    bin_folder = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"}


def commands() -> dict[str, str]:
    """The Procfile's commands by name."""
    lines = (line for line in (ROOT / "Procfile").read_text().splitlines() if not line.startswith("#"))
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines if line)}


@contextmanager
def servers() -> Iterator[Servers]:
    """PostgreSQL and Valkey, migrated."""
    from telemetry_project.stack import paths, postgres, valkey  # after the environment is set

    data = paths.data_folder()
    with ExitStack() as stack:
        database, broker = postgres.start(data, tied=True), valkey.start(data, tied=True)
        for server in (database, broker):
            stack.callback(server.stop)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env=environment(),
            check=True,
        )
        yield Servers(database.pid, broker.pid)


@contextmanager
def processes(*names: str, lanes: str = "") -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The named processes of the Procfile, the web process answering; what they say goes into log files.

    Workers have the Procfile's lanes, unless `lanes` names others.
    """
    started = {name: _start(name, lanes) for name in names}
    try:
        if "web" in started:
            _wait_for_web()
        yield started
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            process.wait(30)


def _start(name: str, lanes: str) -> subprocess.Popen[bytes]:
    data = ROOT / "var" / "bench"
    command = commands()[name]
    if name == "workers" and lanes:
        command = f"{command.partition(' filing=')[0]} {lanes}"
    (data / "static").mkdir(exist_ok=True)
    with (data / "log" / f"{name}.log").open("wb") as log:
        return subprocess.Popen(["sh", "-c", command], cwd=ROOT, env=environment(), stdout=log, stderr=log)


def _wait_for_web() -> None:
    until = time.monotonic() + 120
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=2)
            connection.request("GET", "/livez")
            if connection.getresponse().status == 200:
                return
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)
