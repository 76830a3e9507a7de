"""The first requests of a web process may come all at once: no thread sees half-initialised state."""

import base64
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from events.kinds import KINDS
from events.ownership.owner import Validation
from ingestion.dialects.decoders import DECODERS
from telemetry_project.stack import paths
from tests.http import first_requests
from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD, MakeSender, now_ms
from tests.serving import database_url
from tests.wire import samples

PROCESSES = 20
AT_ONCE = 2
BATCHES = 3
JSON, FORM, PROTOBUF = "application/json", "application/x-www-form-urlencoded", "application/x-protobuf"

Posted = tuple[str, str, str, bytes]  # path, content type, query, body


def _posted() -> dict[str, list[Posted]]:
    """Return requests of every kind and dialect, in each encoding, complete and minimal."""
    from ingestion.dialects import buildless_pb2

    event = buildless_pb2.Event()
    event.event.id, event.event.timing.occurred = "abcdefghij0123456789", now_ms()
    context = event.event.context.add()
    context.type, context.event = "type.googleapis.com/buildless.context.Build", "started"
    event.event.detail.client.tool.add().name = "gradle"
    event.event.data.type_url = "type.example.com/a"
    made = {name: [make(name, ms=now_ms()) for make in (samples.complete, samples.minimal)] for name in KINDS}
    for message in made["ui_action"]:
        del message["owner"]  # the key's owner applies
    query = urlencode({"event.id": "abcdefghij0123456789", "event.timing.occurred": str(now_ms())})
    form = "source_system=s&contact=a@b.c&version=v1&telemetryBody.level=info"
    return {
        "sunbird": [
            (SUNBIRD, JSON, "", _json({"events": [event for name in names for event in made[name]]}))
            for names in (samples.SUNBIRD[number::BATCHES] for number in range(BATCHES))
        ],
        "availity": [
            *((AVAILITY, JSON, "", _json(event)) for event in made["ui_action"]),
            (AVAILITY, FORM, "", form.encode()),
        ],
        "buildless": [
            *((EMIT, JSON, "", _json(event)) for event in made["emitted_event"]),
            (EMIT, PROTOBUF, "", event.SerializeToString()),
            (EMIT, "", query, b""),
            (STREAM, "application/x-ndjson", "", b"\n".join(map(_json, made["emitted_event"]))),
        ],
    }


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_requests_cover_every_dialect_and_kind() -> None:
    posted = _posted()
    assert posted.keys() == DECODERS.keys()
    assert {*samples.SUNBIRD, "ui_action", "emitted_event"} == KINDS.keys()


@pytest.mark.django_db(transaction=True)
def test_the_first_requests_of_a_process_may_come_at_once(make_sender: MakeSender, tmp_path: Path) -> None:
    keys = [make_sender(f"{mode} team", validation=mode).text for mode in Validation]
    file = tmp_path / "requests.json"
    requests = [
        [path, content_type, query, {"X-API-Key": key}, base64.b64encode(body).decode()]
        for posted in _posted().values()
        for path, content_type, query, body in posted
        for key in keys
    ]
    file.write_text(json.dumps(requests))

    ended = [process for _ in range(PROCESSES // AT_ONCE) for process in _run(file)]

    sent = len(requests) * first_requests.THREADS
    assert [status for status, _ in ended] == [0] * PROCESSES  # a negative status is a signal
    for _, statuses in ended:
        assert sum(statuses.values()) == sent
        assert set(statuses) <= {"200", "201", "400"}, statuses  # 400 under strict validation


def _run(file: Path) -> list[tuple[int, Counter[str]]]:
    """Run processes in parallel. Return the exit code of each, and the statuses of its responses."""
    command = [sys.executable, "-m", "tests.http.first_requests", str(file)]
    environment = os.environ | {"DATABASE_URL": database_url(), "RATE_LIMITS": "off"}
    running = [
        subprocess.Popen(command, cwd=paths.REPOSITORY, env=environment, stdout=subprocess.PIPE)
        for _ in range(AT_ONCE)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in running]
    return [
        (process.returncode, Counter(json.loads(output or b"{}")))
        for process, output in zip(running, outputs, strict=True)
    ]
