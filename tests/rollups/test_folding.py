"""Folding pending quarters into rollups: slow ones are deferred, and failures don't affect others."""

import threading
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from events.accounts import audit
from events.event import Event
from events.identity import moment, week_of
from events.removal import remove_week
from events.store.pending import TouchedQuarter
from reports.rollups import folding, queue, statements, tasks
from reports.rollups.models import Events, Logs, RestingQuarter, Sessions
from reports.rollups.rollup import Grain, Rollup
from tests.rollups.recomputed import dump, fold_due, rebuild
from tests.sending import Sender, log_event
from tests.sessions.stored import base_ms, file, summarise_due


def logs(count: int, after_ms: int = 0) -> list[Any]:
    return [log_event(f"{after_ms} {n}", ets=base_ms() + after_ms + n) for n in range(count)]


def counted() -> list[tuple[Any, ...]]:
    return list(Events.objects.values_list("grain", "events").order_by("grain", "bucket"))


def test_each_grain_has_a_row_and_a_late_event_is_added(sender: Sender) -> None:
    file(sender, *logs(2), *logs(1, after_ms=900_000))
    tasks.fold(of_a_later_release=True)

    assert counted() == [(15, 2), (15, 1), (60, 3), (1440, 3)]
    file(sender, *logs(3))  # two of them are repeats
    fold_due()
    assert counted() == [(15, 3), (15, 1), (60, 4), (1440, 4)]


def test_a_session_counts_in_the_quarter_of_its_latest_known_start(sender: Sender) -> None:
    file(sender, *logs(1, after_ms=900_000))
    summarise_due()
    fold_due()
    file(sender, *logs(1))
    summarise_due()
    fold_due()

    quarters = Sessions.objects.filter(grain=Grain.QUARTER)
    assert [(row.bucket, row.events) for row in quarters] == [(moment(base_ms()), 2)]


def test_a_slow_quarter_is_deferred(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "SHORT", timedelta())
    file(sender, *logs(1))
    monkeypatch.setattr(folding, "REST", 1_000_000)
    fold_due()
    file(sender, *logs(2), *logs(1, after_ms=900_000))
    fold_due()

    assert counted()[:2] == [(15, 1), (15, 1)]  # the first quarter is deferred, the other isn't
    assert RestingQuarter.objects.filter(rests_until__gt=timezone.now()).count() == 2
    queue.resume_deferred(timezone.now() + timedelta(days=3_650))
    fold_due()
    assert counted()[:2] == [(15, 2), (15, 1)]


def test_a_block_is_limited_by_events(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "EVENTS", 2)
    file(sender, *logs(3), *logs(3, after_ms=900_000))
    folding.fold_block(timezone.now())

    assert (Events.objects.filter(grain=Grain.QUARTER).count(), TouchedQuarter.objects.count()) == (1, 1)
    fold_due()
    assert counted() == [(15, 3), (15, 3), (60, 6), (1440, 6)]


def test_a_quarter_that_fails_is_deferred_without_affecting_others(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad = moment(base_ms())
    parameters = statements.parameters

    def failing(of: Any) -> Any:
        if of[0].since == bad and of[0].until == bad + timedelta(minutes=15):
            raise ValueError("odd")
        return parameters(of)

    monkeypatch.setattr(statements, "parameters", failing)
    file(sender, *logs(1), *logs(1, after_ms=3_600_000))
    fold_due()

    assert counted()[0] == (15, 1)
    assert [row.quarter for row in TouchedQuarter.objects.all()] == [bad]
    assert "Rollups can't be computed" in caplog.text
    monkeypatch.undo()
    queue.resume_deferred(timezone.now() + folding.FAULT_RESTS)
    fold_due()
    assert counted()[:2] == [(15, 1), (15, 1)]


@pytest.mark.django_db(transaction=True)
def test_a_day_is_folded_by_one_worker_at_a_time(sender: Sender) -> None:
    file(sender, *logs(1), *logs(1, after_ms=900_000))
    (owner,) = set(TouchedQuarter.objects.values_list("owner_id", flat=True))
    folded: list[int] = []

    def other() -> None:
        folded.append(folding.fold_block(timezone.now()))
        connection.close()

    with transaction.atomic():
        queue.hold_days(owner, [statements.start_of(moment(base_ms()), Grain.DAY)])
        worker = threading.Thread(target=other)
        worker.start()
        worker.join()
    assert folded == [0]
    assert TouchedQuarter.objects.count() == 2
    assert fold_due() == 2


class KilledError(BaseException):
    """An error that no code handles."""


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_leaves_rollups_unchanged(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    file(sender, *logs(1))
    fold_due()
    before = dump()
    file(sender, *logs(2))
    merging = statements.merging

    def die(rollup: type[Rollup], grain: Grain) -> str:
        if rollup is Logs and grain == Grain.DAY:
            raise KilledError
        return merging(rollup, grain)

    monkeypatch.setattr(statements, "merging", die)
    with pytest.raises(KilledError):
        fold_due()
    monkeypatch.undo()

    assert dump() == before
    assert fold_due() == 1
    assert counted() == [(15, 2), (60, 2), (1440, 2)]


@pytest.mark.django_db(transaction=True)
def test_rollups_of_a_removed_week_are_deleted(sender: Sender) -> None:
    file(sender, *logs(2))
    summarise_due()
    fold_due()
    assert remove_week(week_of(moment(base_ms())), audit.Actor("tests"), timezone.now())
    assert not Event.objects.exists()
    fold_due()

    assert [name for name, rows in dump().items() if rows] == []


def test_a_rebuild_can_be_limited_to_an_owner_and_days(make_sender: Any) -> None:
    ours, theirs = make_sender(owner="Ours"), make_sender(owner="Theirs")
    for each in (ours, theirs):
        file(each, *logs(1), *logs(1, after_ms=-86_400_000))
    fold_due()
    rows = dump()
    Events.objects.all().delete()
    out = StringIO()
    day = f"{moment(base_ms()):%Y-%m-%d}"
    call_command("rebuild_rollups", f"--since={day}", owner="Ours", stdout=out)

    assert [(row[0], row[-4]) for row in dump()["Events"]] == [(ours.key.default_owner_id, 1)] * 3
    assert out.getvalue() == "Rebuilt the rollups from 1 events and 0 sessions.\n"
    rebuild()
    assert dump() == rows
