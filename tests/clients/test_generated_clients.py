"""Clients generated from the OpenAPI document work, with the commands and programs of the how-to page."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from events import tasks
from events.ownership import provisioning
from events.ownership.api_key import KeyType
from ingestion.filing.drain import drain
from telemetry_project.stack.paths import REPOSITORY
from tests.clients.npm import Clients

PAGE = REPOSITORY / "docs" / "how-to" / "use-a-generated-client.md"
SECONDS = 180.0  # generous, so that only a hanging command fails
PROGRAMS = {"python": "program.py", "ts": "program.mts"}


@pytest.fixture
def environment(server: str, transactional_db: None) -> dict[str, str]:
    """The URL and the key for the page's commands and programs."""
    key = provisioning.key(organization_slug="acme", owner_name="Claims", kind=KeyType.SECRET)
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"TALLY_URL": server, "TALLY_KEY": key.text, "PATH": programs, "HOME": os.environ.get("HOME", "/")}


def section(title: str) -> str:
    """Return a section of the page."""
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run(command: str, folder: Path, environment: dict[str, str]) -> tuple[str, str]:
    """Run a command, doing the workers' tasks until it ends. Return its output and its errors."""
    with subprocess.Popen(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        until = time.monotonic() + SECONDS
        printed = None
        while printed is None:
            try:
                printed = process.communicate(timeout=0.3)
            except subprocess.TimeoutExpired:
                drain()
                tasks.export()
            if time.monotonic() > until:
                process.kill()
        assert process.returncode == 0, (command, *printed)
        return printed


def carry_out(title: str, language: str, folder: Path, environment: dict[str, str]) -> str:
    """Generate the client and run the program of a section. Return the program's output.

    Packages that the section installs are locked and already installed.
    """
    text = section(title)
    install, generate, *check = blocks(text, "sh")
    assert " install " in install
    output, errors = run(generate, folder, environment)
    assert errors == ""
    assert "warn" not in output.lower()
    (program,) = blocks(text, language)
    (folder / PROGRAMS[language]).write_text(program)
    commands = "".join(check) or f"{sys.executable} {PROGRAMS[language]}"
    return run(f"set -e\n{commands}", folder, environment)[0]


def test_a_client_in_python_does_what_the_page_says(environment: dict[str, str], tmp_path: Path) -> None:
    first, exported = carry_out("Python", "python", tmp_path, environment).splitlines()[:2]

    assert "sent from Python" in first
    assert json.loads(exported)["wire"]["edata"]["message"] == "sent from Python"


def test_a_client_in_typescript_does_what_the_page_says(
    environment: dict[str, str], clients: Clients
) -> None:
    first, exported = carry_out("TypeScript", "ts", clients.folder, environment).splitlines()[:2]

    assert "sent from TypeScript" in first
    assert json.loads(exported)["wire"]["edata"]["message"] == "sent from TypeScript"
