"""The audit trail records exactly what was done to rejected events."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from django.test import Client

from events.accounts.audit import AuditEntry
from ingestion.rejected.event import RejectedEvent
from ingestion.rejected.replay_jobs import ReplayJob
from ingestion.tasks import replay
from tests.commands.test_commands import run
from tests.rejected.conftest import pageless, refused, set_validation, strict_fault
from tests.sending import Sender

LIST = "/admin/ingestion/rejectedevent/"


@contextmanager
def held(row: RejectedEvent) -> Iterator[None]:
    """Lock a rejected event, as a replay on another connection does."""
    settings = connection.get_connection_params()
    names = {name: settings[name] for name in ("dbname", "user", "host", "port") if settings.get(name)}
    with psycopg.connect(**names) as other:
        other.execute("SELECT 1 FROM ingestion_rejectedevent WHERE id = %s FOR UPDATE", [row.pk])
        yield


def noted(action: str) -> list[str]:
    return list(AuditEntry.objects.filter(action=action).order_by("pk").values_list("about_id", flat=True))


@pytest.mark.django_db(transaction=True)
def test_discarding_records_discarded_events_and_no_skipped_ones(team_a: Sender, lead: Client) -> None:
    free, busy = refused(team_a, pageless("IMPRESSION:1"), pageless("IMPRESSION:2"))
    with held(busy):
        answer = lead.post(
            f"{LIST}discard/", {"ids": [free.pk, busy.pk], "reason": "A test run."}, follow=True
        )
    assert noted("rejected.discarded") == [str(free.pk)]
    assert list(RejectedEvent.objects.values_list("pk", flat=True)) == [busy.pk]
    html = answer.content.decode()
    assert "1 rejected event was discarded." in html
    assert "1 rejected event was skipped" in html


@pytest.mark.django_db(transaction=True)
def test_a_replay_that_found_the_event_locked_is_not_noted(team_a: Sender, lead: Client) -> None:
    (row,) = refused(team_a)
    with held(row):
        answer = lead.post(f"{LIST}{row.pk}/replay/", follow=True)
    assert "Somebody else is replaying it" in answer.content.decode()
    assert noted("rejected.replayed") == []
    lead.post(f"{LIST}{row.pk}/replay/")
    assert noted("rejected.replayed") == [str(row.pk)]


@pytest.fixture
def job(team_a: Sender, lead: Client) -> ReplayJob:
    """A job requested by a lead, of one event that is accepted now and one that is rejected again."""
    set_validation(team_a, "strict")
    refused(team_a, strict_fault(), pageless())
    set_validation(team_a, "lenient")
    lead.post(f"{LIST}matching/")
    return ReplayJob.objects.get()


def test_a_job_is_recorded_when_requested_and_again_with_its_counts(job: ReplayJob) -> None:
    assert (noted("rejected.replay_asked"), noted("rejected.replayed")) == ([str(job.pk)], [])
    replay()
    entry = AuditEntry.objects.get(action="rejected.replayed")
    assert (entry.actor_name, entry.about_id) == ("lena", str(job.pk))
    assert entry.after == {"done": 2, "stored": 1, "duplicates": 0, "rejected": 1, "skipped": 0}


def test_stopping_a_job_is_noted_once(job: ReplayJob, lead: Client) -> None:
    for _ in range(2):
        lead.post(f"/admin/ingestion/replayjob/{job.pk}/stop/")
    entry = AuditEntry.objects.get(action="rejected.replay_stopped")
    assert (entry.actor_name, entry.about_id, entry.after["done"]) == ("lena", str(job.pk), 0)


def test_the_command_records_its_replays(job: ReplayJob) -> None:
    run("replay_rejected", "--dry-run")
    assert noted("rejected.replayed") == []
    run("replay_rejected", "--code", "missing")
    entry = AuditEntry.objects.get(action="rejected.replayed")
    assert (entry.actor_name, entry.about) == ("manage.py replay_rejected", "code missing")
    assert entry.after == {"rows": 1, "stored": 0, "duplicates": 0, "rejected": 1}
