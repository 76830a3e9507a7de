"""summarise_file turns a file of V3 events into SUMMARY events without a database."""

import json
import os
import random
import subprocess
import sys
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from events.kinds import KINDS
from events.sessions.session import Session
from events.sessions.summary_event import as_summary_event
from tests.sending import Sender, log_event
from tests.sessions.stored import base_ms, file, summarise_due

ROOT = Path(__file__).parents[2]


def v3(seconds: float, eid: str, edata: Any, sid: str | None = "s1", **context: Any) -> Any:
    about = {"channel": "c1", "env": "home", "pdata": {"id": "app"}, "did": "d1", "sid": sid} | context
    ets = base_ms() + round(seconds * 1000)
    return log_event(f"{eid}{seconds}", eid=eid, ets=ets, context=about, edata=edata)


EVENTS = [
    v3(0, "START", {"type": "app", "mode": "play"}) | {"actor": {"id": "f:org:u7", "type": "User"}},
    v3(1, "IMPRESSION", {"type": "view", "pageid": "a"}),
    v3(4.006, "INTERACT", {"type": "TOUCH", "id": "b"}),
    v3(700, "END", {"type": "app"}),
    v3(2, "LOG", {"type": "t", "level": "INFO", "message": "m"}, sid="s2"),
    v3(0, "LOG", {"type": "t", "level": "INFO", "message": "m"}, sid=None),
    v3(2000, "LOG", {"type": "t", "level": "INFO", "message": "m"}, sid=""),
]


def lines(events: Any) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def run(body: bytes) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    return subprocess.run(
        [sys.executable, "manage.py", "summarise_file", "--session", "-"],
        input=body,
        capture_output=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )


@pytest.mark.slow
def test_the_command_needs_no_database_and_reads_stdin() -> None:
    shuffled = [*EVENTS, EVENTS[0]]
    random.Random(1).shuffle(shuffled)
    done = run(lines(shuffled))
    assert (done.returncode, done.stderr) == (0, b"")
    made = {
        json.dumps(event["context"].get("sid")): event for event in map(json.loads, done.stdout.splitlines())
    }
    assert len(done.stdout.splitlines()) == 4  # s1, s2, and the device's two
    edata = made['"s1"']["edata"]
    assert edata["eventssummary"] == [
        {"id": "END", "count": 1},
        {"id": "IMPRESSION", "count": 1},
        {"id": "INTERACT", "count": 1},
        {"id": "START", "count": 1},
    ]
    assert {name: edata[name] for name in ("type", "mode", "timespent", "pageviews", "interactions")} == {
        "type": "app",
        "mode": "play",
        "timespent": 4.01,
        "pageviews": 1,
        "interactions": 1,
    }
    assert edata["pagesummary"] == [
        {"id": "a", "type": "view", "env": "home", "timespent": 3.01, "visits": 1}
    ]
    for event in made.values():
        assert KINDS["summary"].lenient.validator.fault_of(event) is None


def test_invalid_lines_are_reported_and_the_others_summarised(tmp_path: Path) -> None:
    bad = [b"{", b"[]", b'{"eid": "NO"}', b'{"eid": "LOG", "ets": 1}', b'{"x": NaN}', b"\xff"]
    path = tmp_path / "events"
    path.write_bytes(lines(EVENTS[:1]) + b"\n" + b"\r\n".join(bad) + b"\n" + lines(EVENTS[1:2]))
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="6 lines"):
        call_command("summarise_file", "--session", str(path), stdout=out, stderr=err)
    assert [line.split(": ")[:2] for line in err.getvalue().splitlines()] == [
        ["line 3", "bad_json"],
        ["line 4", "wrong_type"],
        ["line 5", "unknown_kind"],
        ["line 6", "missing"],
        ["line 7", "bad_json"],
        ["line 8", "bad_json"],
    ]
    assert json.loads(out.getvalue())["edata"]["pageviews"] == 1


def test_a_missing_file_is_reported_in_one_sentence() -> None:
    with pytest.raises(CommandError, match="can't be read: No such file"):
        call_command("summarise_file", "--session", "/nowhere/events")


def test_a_lone_surrogate_is_written_as_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    body = lines([v3(0, "IMPRESSION", {"type": "view", "pageid": "\ud800"})])
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": BytesIO(body)}))
    out = StringIO()
    call_command("summarise_file", "--session", "-", stdout=out, stderr=StringIO())
    assert '"pagesummary":[{"id":"\\ud800"' in out.getvalue()


def test_summaries_of_a_file_equal_stored_sessions(sender: Sender, tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(lines(EVENTS))
    out = StringIO()
    call_command("summarise_file", "--session", str(path), stdout=out, stderr=StringIO())
    from_file = [json.loads(line) for line in out.getvalue().splitlines()]
    file(sender, *EVENTS)
    summarise_due()
    stored = [as_summary_event(session) for session in Session.objects.all()]
    for event in (*from_file, *stored):
        event.pop("mid")  # the owner is part of the session's ID

    def by_time(event: Any) -> Any:
        return event["edata"]["starttime"], event["context"].get("sid", "")

    assert sorted(stored, key=by_time) == sorted(from_file, key=by_time)
    assert Session.objects.get(session="s1").actor == "u7"
    assert Session.objects.get(session="s1").time_spent == Decimal("4.01")
