"""Large exports are written by a worker, and can be downloaded while the person has access."""

import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from events.exports import jobs, making
from events.exports.jobs import ExportJob, State
from events.lib import janitors
from events.ownership.owner import Membership
from tests.admin.conftest import EVENTS, filed, html_of, many
from tests.sending import Sender
from tests.spreadsheets.reading import xlsx_rows

pytestmark = pytest.mark.django_db
PAGE = "/admin/events/exportjob/"


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EXPORT_FOLDER = tmp_path / "exports"
    monkeypatch.setattr(jobs, "SMALL_ROWS", 5)


def asked(client: Client, query: str = "", form: str = "csv") -> ExportJob:
    response = client.get(f"{EVENTS}export.{form}{query}")
    job = ExportJob.objects.latest("pk")
    assert (response.status_code, response["Location"]) == (302, f"{PAGE}{job.pk}/change/")
    return job


def downloaded(client: Client, job: ExportJob) -> Any:
    return client.get(f"{PAGE}download/{job.token()}/")


def content_of(response: Any) -> bytes:
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    for close in response._resource_closers:  # `close` itself would close the test's connection
        close()
    return content


def test_a_large_export_is_written_by_a_worker_and_downloaded(team_a: Sender, alice: Client) -> None:
    filed(team_a, *many(12))
    job = asked(alice, "?actor=u1")
    assert "waiting for a worker" in html_of(alice, f"{PAGE}{job.pk}/change/")

    assert making.make_next()

    job.refresh_from_db()
    assert (job.state, job.rows) == (State.DONE, 12)
    html = html_of(alice, f"{PAGE}{job.pk}/change/")
    assert "Ready: " in html
    assert "Download" in html
    response = downloaded(alice, job)
    assert int(response["Content-Length"]) == job.bytes
    assert len(content_of(response).splitlines()) == job.rows + 1
    assert not making.make_next()


def test_a_workers_file_equals_the_direct_download(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(team_a, *many(12))
    for form in ("csv", "xlsx", "ndjson"):
        job = asked(alice, form=form)
        making.make_next()
        monkeypatch.setattr(jobs, "SMALL_ROWS", 5_000)
        at_once = alice.get(f"{EVENTS}export.{form}").content
        monkeypatch.setattr(jobs, "SMALL_ROWS", 5)
        made = content_of(downloaded(alice, job))
        if form == "xlsx":
            assert xlsx_rows(made) == xlsx_rows(at_once)
        else:
            assert made == at_once
        assert [path.name for path in job.path.parent.iterdir()] == [job.file]
        job.path.unlink()


def test_only_the_requester_sees_the_page_and_the_file(
    team_a: Sender, alice: Client, bob: Client, operator: Client, client: Client
) -> None:
    filed(team_a, *many(12))
    job = asked(alice)
    making.make_next()
    assert stat.S_IMODE(job.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(job.path.parent.stat().st_mode) == 0o700
    assert downloaded(bob, job).status_code == 404
    assert downloaded(operator, job).status_code == 404
    assert downloaded(client, job).status_code == 302
    assert alice.get(f"{PAGE}download/{job.token()}x/").status_code == 404
    assert bob.get(f"{PAGE}{job.pk}/change/").status_code == 302
    assert job.name not in html_of(bob, PAGE)


def test_losing_access_to_an_owner_cancels_exports_that_may_include_it(team_a: Sender, alice: Client) -> None:
    filed(team_a, *many(12))
    ready, waiting = asked(alice), asked(alice)
    making.make_next()
    Membership.objects.all().delete()
    making.make_next()
    assert downloaded(alice, ready).status_code in (403, 404)
    waiting.refresh_from_db()
    assert waiting.state == State.CANCELLED
    assert not waiting.path.exists()


def test_losing_access_cancels_an_export_in_progress(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(team_a, *many(12))
    job = asked(alice)
    monkeypatch.setattr(making, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr("events.store.plain_rows.IDS", 3)
    make = making._make

    def lose(job: ExportJob) -> None:
        checked = ExportJob.is_accessible

        def gone(self: ExportJob) -> bool:
            found = checked.fget(self)  # type: ignore[attr-defined]  # a property has it
            Membership.objects.all().delete()
            return bool(found)

        monkeypatch.setattr(ExportJob, "is_accessible", property(gone))
        make(job)

    monkeypatch.setattr(making, "_make", lose)
    making.make_next()
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert not job.path.exists()


def test_a_waiting_export_can_be_cancelled_and_a_ready_one_deleted(
    team_a: Sender, alice: Client, bob: Client
) -> None:
    filed(team_a, *many(12))
    waiting = asked(alice)
    bob.post(f"{PAGE}{waiting.pk}/cancel/")
    assert ExportJob.objects.get(pk=waiting.pk).state == State.WAITING
    alice.post(f"{PAGE}{waiting.pk}/cancel/")
    assert ExportJob.objects.get(pk=waiting.pk).state == State.CANCELLED
    assert "You cancelled this export." in html_of(alice, f"{PAGE}{waiting.pk}/change/")
    assert not making.make_next()
    ready = asked(alice)
    making.make_next()
    assert ready.path.exists()
    alice.post(f"{PAGE}{ready.pk}/cancel/")
    assert not ready.path.exists()
    assert "You deleted its file." in html_of(alice, f"{PAGE}{ready.pk}/change/")
    assert downloaded(alice, ready).status_code == 404


def test_an_export_can_be_cancelled_while_it_is_compressed(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then all rows have been read, and only the library is writing the file."""
    filed(team_a, *many(12))
    job = asked(alice, form="xlsx")
    note = making._Progress.note

    def cancelled(self: Any) -> None:
        if self.tell() or job.rows:
            ExportJob.objects.update(state=State.CANCELLED)
        note(self)

    monkeypatch.setattr(making, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(making._Progress, "note", cancelled)
    making.make_next()
    job.refresh_from_db()
    assert (job.state, list(job.path.parent.iterdir())) == (State.CANCELLED, [])


def test_leftovers_of_dead_workers_are_removed(team_a: Sender, alice: Client) -> None:
    filed(team_a, *many(12))
    job = asked(alice, form="xlsx")
    making.make_next()
    left = (job.temporary, job.path.with_name("0" * 32 + ".rows"))
    for folder in left:
        folder.mkdir()
        (folder / "rows").write_text("x")
        os.utime(folder, (1, 1))
    assert janitors.clean_all(timezone.now()) == []
    assert [folder.exists() for folder in left] == [True, False], "a folder of a job may be in use"


def test_an_export_expires(team_a: Sender, alice: Client) -> None:
    filed(team_a, *many(12))
    job = asked(alice)
    making.make_next()
    ExportJob.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert downloaded(alice, job).status_code == 404
    assert janitors.clean_all(timezone.now()) == []
    assert not ExportJob.objects.exists()
    assert not job.path.exists()


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson"])
def test_an_export_that_gets_too_large_fails_with_an_explanation(
    form: str, team_a: Sender, alice: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXPORT_MAX_BYTES = 10
    monkeypatch.setattr(making, "PROGRESS_SECONDS", 0.0)
    filed(team_a, *many(12))
    job = asked(alice, form=form)
    making.make_next()
    job.refresh_from_db()
    assert (job.state, list(job.path.parent.iterdir())) == (State.FAILED, [])
    assert "Choose a shorter period" in html_of(alice, f"{PAGE}{job.pk}/change/")


def test_an_export_whose_worker_died_is_retried_and_then_fails(team_a: Sender, alice: Client) -> None:
    filed(team_a, *many(12))
    job = asked(alice)
    long_ago = timezone.now() - timedelta(hours=1)
    ExportJob.objects.update(state=State.RUNNING, updated_at=long_ago, attempts=1)
    making.make_next()
    assert ExportJob.objects.get().state == State.DONE
    ExportJob.objects.update(
        state=State.RUNNING, updated_at=long_ago, attempts=making.ATTEMPTS, finished_at=None
    )
    making.make_next()
    job.refresh_from_db()
    assert job.state == State.FAILED


def test_the_number_of_a_persons_unfinished_exports_is_limited(team_a: Sender, alice: Client) -> None:
    filed(team_a, *many(12))
    for _ in range(jobs.MOST_OPEN):
        asked(alice)
    assert alice.get(f"{EVENTS}export.csv")["Location"] == PAGE
    assert ExportJob.objects.count() == jobs.MOST_OPEN
    assert User.objects.filter(username="alice").exists()
