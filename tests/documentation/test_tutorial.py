"""The tutorial's commands work: a shell runs them in order against the real server."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from events.event import Event
from events.ownership.api_key import ApiKey, KeyType
from ingestion.filing.drain import drain
from telemetry_project.demo import home
from tests.needs import require
from tests.serving import database_url, serving

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
ADDRESS = "http://localhost:8000"


def commands() -> list[str]:
    """Return the shell blocks, except for the one that starts Tally, since the test has a server."""
    blocks = re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)
    assert blocks.pop(0) == "make run\n"
    return blocks


@contextmanager
def draining() -> Iterator[None]:
    """File events during the block, as the worker does."""
    done = threading.Event()

    def work() -> None:
        try:
            while not done.wait(0.2):
                drain()
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        done.set()
        worker.join()


@pytest.mark.usefixtures("transactional_db")
def test_the_commands_work_in_order_and_the_demos_lead_sees_the_events(
    tmp_path: Path, client: Client
) -> None:
    require("curl", shutil.which("curl"), "install curl.")
    home.make_users(exposed=False)
    # A checkout as `make run` leaves it, except that its .venv runs this Python.
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "manage.py").symlink_to(ROOT / "manage.py")
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)

    with serving(tmp_path / "log") as server, draining():
        script = "\necho; echo =====\n".join(commands()).replace(ADDRESS, server.url)
        done = subprocess.run(
            ["bash", "-e", "-u", "-c", script],
            cwd=folder,
            env={**os.environ, "DATABASE_URL": database_url()},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    _, availity, sunbird, buildless, read = done.stdout.split("=====\n")
    assert availity.splitlines()[0].startswith("HTTP/1.1 201")
    assert sunbird.splitlines()[0].startswith("HTTP/1.1 200")
    assert buildless.splitlines()[0].startswith("HTTP/1.1 200")
    assert json.loads(sunbird.strip().splitlines()[-1])["result"]["rejected"] == 0
    assert [event["kind"] for event in json.loads(read)["results"]] == ["impression"]
    assert set(Event.objects.values_list("dialect", "owner__name")) == {
        (dialect, home.KEY_DELIVERY) for dialect in ("availity", "sunbird", "buildless")
    }

    client.login(username="lead", password="lead-demo")
    seen = client.get("/admin/events/event/").content.decode()
    assert all(source in seen for source in ("my-portal", "eligibility", "gradle-plugin"))


@pytest.mark.usefixtures("transactional_db")
def test_keys_of_the_tutorial_have_only_the_needed_permissions(tmp_path: Path) -> None:
    lines = [block.splitlines()[0] for block in commands() if "create_key" in block]
    for line in lines:
        words = re.sub(r"^\w+=\$\(\S+ manage.py (.*)\)$", r"\1", line)
        subprocess.run(
            ["bash", "-c", f'"{sys.executable}" manage.py {words}'],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url()},
            capture_output=True,
            check=True,
        )

    keys = ApiKey.objects.order_by("pk")

    assert [(key.type, key.may_write, key.may_read, key.all_owners) for key in keys] == [
        (KeyType.PUBLISHABLE, True, False, False),
        (KeyType.SECRET, False, True, False),
    ]
