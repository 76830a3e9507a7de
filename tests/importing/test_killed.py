"""After kill -9 during an export or import, no partial file can be downloaded and nothing is filed twice."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from events.access import KeyUser
from events.api import exported  # noqa: F401  (registers what exports contain)
from events.changes.change import Change
from events.event import Event
from events.exports import jobs, making
from events.exports.jobs import ExportJob, State
from events.kinds import KINDS
from events.store.usage import UsageHour
from telemetry_project.stack import paths
from tests.sending import Sender, file_all, log_event, now_ms
from tests.serving import database_url

EVENTS = 12
# Each script reports when it is half done, and would continue if it weren't killed.
EXPORT = """
import django, sys; django.setup()
from telemetry_project.celery import app
app.loader.import_default_modules()
from events.exports import making
from events.store import plain_rows
plain_rows.ROWS = 5
checked = making._checked
def paused(*args):
    for page in checked(*args):
        yield page
        args[2].flush()
        print("half", flush=True)
        sys.stdin.read()
making._checked = paused
making.make_next()
"""
IMPORT = """
import django, sys; django.setup()
from django.core.management import call_command
from ingestion.importing import filing
filing.BLOCK_REQUESTS = 5
file_block = filing.file_block
def paused(*args, **options):
    done = file_block(*args, **options)
    print("half", flush=True)
    sys.stdin.read()
    return done
filing.file_block = paused
call_command("import_events", sys.argv[1])
"""


def kill_half_way(script: str, *words: str, **environment: str) -> None:
    """Run a script in a new process until it is half done, and kill it."""
    with subprocess.Popen(
        [sys.executable, "-c", script, *words],
        cwd=paths.REPOSITORY,
        env=os.environ | {"DATABASE_URL": database_url()} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


@pytest.mark.django_db(transaction=True)
def test_a_killed_export_or_import_can_be_repeated(
    sender: Sender, client: Client, settings: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    settings.EXPORT_FOLDER = str(folder)
    sender.batch(*(log_event(f"m{number}", ets=now_ms() - number) for number in range(EVENTS)))
    file_all()
    ids = list(Event.objects.values_list("pk", flat=True))
    job = jobs.request_export(
        KeyUser(sender.key), "", "ndjson", "", "events.ndjson", timezone.now(), what="events"
    )
    assert job is not None

    kill_half_way(EXPORT, EXPORT_FOLDER=str(folder))

    job.refresh_from_db()
    assert job.state == State.RUNNING
    (half,) = folder.glob("*.part")
    assert 0 < len(half.read_bytes().splitlines()) < EVENTS
    url = f"/api/v1/exports/download/{job.token()}/"
    assert client.get(url).status_code == 404
    assert not making.make_next(), "its worker may still be running"
    ExportJob.objects.update(updated_at=timezone.now() - timedelta(minutes=3))
    assert making.make_next()
    content = b"".join(client.get(url).streaming_content)  # type: ignore[attr-defined]
    assert [json.loads(line)["id"] for line in content.splitlines()] == list(map(str, ids))
    assert [path.name for path in folder.iterdir()] == [job.file]

    usage = list(UsageHour.objects.values("received", "stored", "duplicates", "billed_bytes", "wire_bytes"))
    models: list[Any] = [*(entry.model for entry in KINDS.values()), Event, UsageHour, Change]
    for model in models:
        model._default_manager.all().delete()
    path = tmp_path / "events.ndjson"
    path.write_bytes(content)

    kill_half_way(IMPORT, str(path))

    assert Event.objects.count() == 5
    call_command("import_events", path, verbosity=0)
    assert list(Event.objects.values_list("pk", flat=True)) == ids
    again = list(UsageHour.objects.values("received", "stored", "duplicates", "billed_bytes", "wire_bytes"))
    assert again == usage


@pytest.mark.django_db
def test_a_stalled_worker_does_not_replace_the_file_of_its_successor(
    sender: Sender, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXPORT_FOLDER = str(tmp_path)
    sender.batch(log_event("m1"))
    file_all()
    now = timezone.now()
    job = jobs.request_export(KeyUser(sender.key), "", "ndjson", "", "e.ndjson", now, what="events")
    assert job is not None
    make = making._make

    def stalled(job: ExportJob) -> None:
        monkeypatch.setattr(making, "_make", make)
        ExportJob.objects.update(updated_at=timezone.now() - timedelta(minutes=3))
        assert making.make_next(), "another worker writes it"
        make(job)

    monkeypatch.setattr(making, "_make", stalled)
    making.make_next()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.rows) == (State.DONE, 2, 1)
    assert len(job.path.read_bytes().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == [job.file]
