"""Runs Tally's web server for a browser: Granian on a free port, with the current data folder."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from django.core.management import call_command

from tests.serving import free_port

STARTS_WITHIN = 30.0  # seconds


@contextmanager
def server() -> Iterator[str]:
    """Run a server during the block, and yield its address."""
    call_command("collectstatic", interactive=False, verbosity=0)
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("granian")),
        *(
            "--interface",
            "wsgi",
            "--no-ws",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--log-level",
            "error",
        ),
        "telemetry_project.wsgi:application",
    ]
    process = subprocess.Popen(command, env=os.environ | {"PORT": str(port)})
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"{url}/livez", timeout=1):
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError("The server did not start.")
