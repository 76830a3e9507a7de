"""The log with its production settings: lines can't be forged, and strangers can't flood it."""

import logging
import logging.config
import re
from collections.abc import Iterator
from copy import deepcopy
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from telemetry_project import logs

FORGED = "2026-01-01 00:00:00,000 CRITICAL root the database is gone"
BREAKS = (
    "\n",
    "\r",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\x1b[2J",
    "\u202e",
    "\ud800",
)
HEAD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ \S+ ")


@pytest.fixture
def log() -> Iterator[StringIO]:
    """The output of the production handler."""
    before = logging.getLogger().handlers[:]
    level = logging.getLogger().level
    written = StringIO()
    config: dict[str, Any] = deepcopy(settings.LOGGING)
    config["handlers"]["console"]["stream"] = written
    logging.config.dictConfig(config)
    yield written
    logging.getLogger().handlers[:] = before
    logging.getLogger().setLevel(level)


def lines(log: StringIO) -> list[str]:
    return log.getvalue().splitlines()


@pytest.mark.parametrize("end", BREAKS)
def test_messages_arguments_and_exceptions_cannot_start_a_line(log: StringIO, end: str) -> None:
    name = f"a{end}{FORGED}"
    logging.getLogger("ingestion").warning("The query has %s", name)
    logging.getLogger("ingestion").warning(f"The query has {name}")  # noqa: G004  (as a library may)
    try:
        raise ValueError(name)  # noqa: TRY301
    except ValueError:
        logging.getLogger("ingestion").exception("It failed for %s", name)
    logging.getLogger(f"of{end}{FORGED}").warning("stack", stack_info=True)

    found = lines(log)
    assert sum(bool(HEAD.match(line)) for line in found) == 4
    assert all(HEAD.match(line) or line.startswith("| ") for line in found)
    assert not any(character in log.getvalue() for character in BREAKS if character != "\n")
    assert not any(line.startswith(FORGED) for line in found)


def test_tabs_and_other_scripts_are_not_escaped() -> None:
    assert logs.escaped("a\tü한\U0001f600") == "a\tü한\U0001f600"
    assert logs.escaped("\x00\x1b\u2028") == "\\x00\\x1b\\u2028"


def test_a_flood_of_bad_requests_logs_few_lines(log: StringIO, db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    for _ in range(60):
        assert client.post("/admin/login/", {"username": "x"}).status_code == 403
        assert client.get("/api/docs/", headers={"Host": "evil.example"}).status_code == 400
        assert client.get("/nowhere").status_code == 404
        assert client.post("/mail/end/x%0a2026", {"a": "b"}).status_code in (403, 404)
    assert 0 < len([line for line in lines(log) if HEAD.match(line)]) <= 2 * logs.PER_MINUTE


def test_omitted_records_are_counted(log: StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("telemetry_project.logs.time.monotonic", lambda: now[0])
    for _ in range(logs.PER_MINUTE + 7):
        logging.getLogger("django.security.csrf").warning("Forbidden")
    now[0] = logs.MINUTE
    logging.getLogger("django.security.csrf").warning("Forbidden")
    assert lines(log)[-1].endswith("Forbidden (7 others like it were not logged)")
    assert len(lines(log)) == logs.PER_MINUTE + 1


def test_server_errors_are_never_omitted(log: StringIO) -> None:
    for _ in range(50):
        logging.getLogger("django.request").error("Internal Server Error")
    assert len(lines(log)) == 50
