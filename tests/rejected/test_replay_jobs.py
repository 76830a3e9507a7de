"""Replay jobs run block by block with the requester's access, and survive dead workers."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from events.event import Event
from events.ownership.owner import Membership, Role
from ingestion.rejected import replay_jobs, replaying
from ingestion.rejected.event import RejectedEvent, Selection
from ingestion.rejected.replay_jobs import ReplayJob
from ingestion.tasks import replay
from tests.commands.test_commands import run
from tests.factories import person
from tests.rejected.conftest import is_balanced, pageless, refused, set_validation, strict_fault
from tests.sending import MakeSender, Sender


@pytest.fixture
def mended(make_sender: MakeSender) -> Sender:
    """A sender with ten rejected events that would be accepted now, and one that wouldn't."""
    made = make_sender("Mended team")
    set_validation(made, "strict")
    refused(made, *(strict_fault(f"LOG:{number}") for number in range(10)), pageless())
    set_validation(made, "lenient")
    return made


@pytest.fixture
def lena(mended: Sender) -> User:
    """The lead of the team."""
    return person("lena", mended.key.default_owner, role=Role.LEAD)


def asked(user: User, **selected: object) -> ReplayJob:
    return replay_jobs.ask(
        Selection(**selected),  # type: ignore[arg-type]  # names are given below
        by=str(user),
        sentence="all",
        now=timezone.now(),
        user=user,
    )


def test_a_job_replays_matching_events_and_counts_the_outcomes(mended: Sender, lena: User) -> None:
    job = asked(lena)
    assert (job.total, job.percent) == (11, 0)
    replay()
    job.refresh_from_db()
    assert (job.state, job.percent) == ("done", 100)
    assert (job.done, job.stored, job.duplicates, job.rejected) == (11, 10, 0, 1)
    assert RejectedEvent.objects.get().code == "missing"
    assert is_balanced()


def test_a_job_runs_block_by_block_and_resumes_after_a_crash(
    mended: Sender, lena: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_jobs, "BLOCK_ROWS", 4)
    job = asked(lena)
    assert replay_jobs.run_block()
    job.refresh_from_db()
    assert (job.state, job.done, job.percent) == ("running", 4, 36)
    assert Event.objects.count() == job.stored

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(replaying, "replay", killed)
        with pytest.raises(KeyboardInterrupt):
            replay_jobs.run_block()
    job.refresh_from_db()
    assert (job.done, job.attempts) == (4, 1)
    replay()
    job.refresh_from_db()
    assert (job.done, job.stored, job.rejected, job.attempts) == (11, 10, 1, 0)
    assert is_balanced()


def test_an_event_that_kills_workers_is_skipped_in_the_end(mended: Sender, lena: User) -> None:
    job = asked(lena, kind="log")  # not the one that is rejected again: it could be the first
    ReplayJob.objects.update(attempts=replay_jobs.GIVE_UP_AFTER)
    replay()
    job.refresh_from_db()
    assert (job.state, job.done, job.stored, job.rejected) == ("done", 10, 9, 1)


def test_a_job_is_limited_to_owners_the_requester_still_leads(mended: Sender, lena: User) -> None:
    job = asked(lena)
    Membership.objects.filter(user=lena).update(role=Role.VIEWER)
    replay()
    job.refresh_from_db()
    assert (job.state, job.done) == ("done", 0)
    assert RejectedEvent.objects.count() == 11


def test_a_job_of_a_deleted_person_does_nothing(mended: Sender, lena: User) -> None:
    job = asked(lena)
    lena.delete()
    replay()
    job.refresh_from_db()
    assert (job.state, job.done) == ("done", 0)


def test_events_rejected_after_the_request_are_not_replayed(mended: Sender, lena: User) -> None:
    job = asked(lena)
    set_validation(mended, "strict")
    refused(mended, strict_fault("LOG:late"))
    set_validation(mended, "lenient")
    replay()
    job.refresh_from_db()
    assert job.done == 11
    assert RejectedEvent.objects.filter(client_event_id="LOG:late").exists()


def test_a_stopped_job_stays_stopped(mended: Sender, lena: User) -> None:
    job = asked(lena)
    assert replay_jobs.stop(job.pk)
    replay()
    job.refresh_from_db()
    assert (job.state, job.done) == ("stopped", 0)
    assert not replay_jobs.stop(job.pk)


@pytest.mark.parametrize(
    ("selected", "done"),
    [
        ({"code": "missing"}, 1),
        ({"code": "wrong_type"}, 10),
        ({"kind": "log"}, 10),
        ({"kind": ""}, 0),
        ({"dialect": "buildless"}, 0),
        ({"ids": ()}, 0),
        ({"sources": ()}, 0),
        ({"since": "2000-01-01T00:00:00+00:00"}, 11),
        ({"until": "2000-01-01T00:00:00+00:00"}, 0),
    ],
)
def test_a_job_replays_only_its_selection(
    mended: Sender, lena: User, selected: dict[str, object], done: int
) -> None:
    job = asked(lena, **selected)
    assert job.total == done
    replay()
    job.refresh_from_db()
    assert job.done == done


def test_the_command_replays_the_events_its_options_select(mended: Sender) -> None:
    said = run("replay_rejected", "--owner", "mended TEAM", "--code", "missing")
    assert said == "1 rejected events replayed: 0 stored, 0 duplicates, 1 rejected again.\n"
    tomorrow = (timezone.now() + timedelta(days=1)).date().isoformat()
    assert run("replay_rejected", "--since", tomorrow).startswith("0 rejected events")
    said = run("replay_rejected", "--source", "Portal", "--kind", "log", "--until", tomorrow)
    assert said == "10 rejected events replayed: 10 stored, 0 duplicates, 0 rejected again.\n"
    assert is_balanced()


def test_a_dry_run_reports_outcomes_and_changes_nothing(mended: Sender) -> None:
    said = run("replay_rejected", "--dry-run")
    assert said == "11 rejected events would be replayed: 10 stored, 0 duplicates, 1 rejected again.\n"
    assert RejectedEvent.objects.count() == 11
    assert not Event.objects.exists()
