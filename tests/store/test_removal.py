"""Removing whole weeks of events: what is deleted, kept and counted, all in one transaction."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.models import Sum
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from events import removal
from events.accounts import audit
from events.accounts.audit import AuditEntry
from events.event import Event
from events.identity import milliseconds, week_of
from events.kinds import KINDS
from events.partitioned.partitions import WEEK, existing_partitions, partition_name
from events.sessions.session import Session, SessionEventCount
from events.store import retention
from events.store.pending import TouchedQuarter
from events.store.usage import UsageHour, hour_of
from events.tasks import remove_old
from ingestion import verification
from ingestion.rejected.event import RejectedEvent
from ingestion.rejected.replaying import replay
from tests.sending import Sender, log_event
from tests.sessions.stored import file, post, summarise_due

BY = audit.command("remove_events")
CONTEXT = {"channel": "c1", "env": "home", "pdata": {"id": "portal"}, "did": "d1"}


def old_week() -> datetime:
    """Return a week in the past, but later than those for which other tests leave partitions."""
    return week_of(timezone.now()) - 10 * WEEK


def visit(mid: str, at: datetime, sid: str, **changes: Any) -> dict[str, Any]:
    return log_event(mid, ets=milliseconds(at), context=CONTEXT | {"sid": sid}) | changes


def differences() -> list[Any]:
    return [difference for difference in verification.differences() if difference]


@pytest.fixture
def filled(sender: Sender) -> Sender:
    """Two sessions in the old week, one of which lasts into the next, and one today."""
    week = old_week()
    file(
        sender,
        visit("1", week + timedelta(days=2), "old"),
        visit("2", week + timedelta(days=2, minutes=1), "old"),
        visit("3", week + WEEK - timedelta(minutes=1), "across"),
        visit("4", week + WEEK + timedelta(minutes=1), "across"),
        visit("5", timezone.now(), "new"),
    )
    summarise_due()
    assert differences() == []
    return sender


def state() -> tuple[Any, ...]:
    models = (Event, KINDS["log"].model, Session, SessionEventCount, UsageHour, TouchedQuarter, AuditEntry)
    return (
        *(list(model._default_manager.order_by("pk").values()) for model in models),
        existing_partitions(),
    )


def test_a_removed_week_loses_its_partitions_and_is_counted(filled: Sender) -> None:
    week, now = old_week(), timezone.now()
    billed = sum(Event.objects.occurred_before(week + WEEK).values_list("billed_bytes", flat=True))
    assert removal.preview(week) == (week, 3, billed, 0)
    assert removal.remove_week(week, BY, now) == (week, 3, billed, 1)
    assert list(Event.objects.order_by("id").values_list("client_event_id", flat=True)) == ["4", "5"]
    assert partition_name("events_event", week) not in existing_partitions()
    assert partition_name("events_log", week) not in existing_partitions()
    sums = UsageHour.objects.filter(hour=hour_of(now)).aggregate(Sum("removed"), Sum("removed_bytes"))
    assert sums == {"removed__sum": 3, "removed_bytes__sum": billed}
    assert UsageHour.objects.aggregate(Sum("received"), Sum("stored")) == {
        "received__sum": 5,
        "stored__sum": 5,
    }
    entry = AuditEntry.objects.get(action="events.removed")
    assert (entry.actor_name, entry.after["events"]) == ("manage.py remove_events", 3)
    assert differences() == []


def test_sessions_of_the_week_are_deleted_and_those_across_its_end_recomputed(filled: Sender) -> None:
    removal.remove_week(old_week(), BY, timezone.now())
    assert set(Session.objects.values_list("session", flat=True)) == {"across", "new"}
    assert SessionEventCount.objects.count() == 2
    assert summarise_due() == 1
    across = Session.objects.get(session="across")
    assert (across.events, across.started_at) == (1, old_week() + WEEK + timedelta(minutes=1))
    assert differences() == []


def test_changed_quarters_become_pending(filled: Sender) -> None:
    TouchedQuarter.objects.all().delete()
    removal.remove_week(old_week(), BY, timezone.now())
    noon = old_week() + timedelta(days=2)
    last = old_week() + WEEK - timedelta(minutes=15)
    found = TouchedQuarter.objects.order_by("of_sessions", "quarter").values_list("quarter", "of_sessions")
    assert list(found) == [(noon, False), (last, False), (noon, True)]


def test_device_sessions_across_the_end_are_recomputed_from_remaining_events(sender: Sender) -> None:
    end = old_week() + WEEK
    file(sender, *(visit(str(n), end + timedelta(minutes=n), "") for n in (-20, -10, 10, 20)))
    summarise_due()
    first = Session.objects.get()
    removal.remove_week(old_week(), BY, timezone.now())
    summarise_due()
    left = Session.objects.get()
    assert (left.events, left.started_at) == (2, end + timedelta(minutes=10))
    assert left.pk != first.pk
    assert differences() == []


def test_removals_in_the_same_hour_are_added_up(filled: Sender) -> None:
    now = timezone.now()
    for week in (old_week(), old_week() + WEEK):
        removal.remove_week(week, BY, now)
    summarise_due()
    assert UsageHour.objects.aggregate(n=Sum("removed"))["n"] == 4
    assert set(Session.objects.values_list("session", flat=True)) == {"new"}
    assert differences() == []


@pytest.mark.parametrize(
    "step",
    [
        "retention.drop_week",
        "removal.requeue_crossing",
        "retention.removal_delta",
        "usage.apply_delta",
        "audit.record",
    ],
)
def test_an_interrupted_removal_changes_nothing(
    filled: Sender, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = state()

    def fail(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"events.removal.{step}", fail)
    with pytest.raises(KeyboardInterrupt):
        removal.remove_week(old_week(), BY, timezone.now())
    assert state() == before


def test_a_removal_retries_while_a_reader_holds_a_lock(
    filled: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOCK_TIMEOUT_MS", 50)
    reader = connections.create_connection(DEFAULT_DB_ALIAS)
    paused: list[float] = []

    def let_go(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 2:
            reader.close()

    monkeypatch.setattr("events.removal.time.sleep", let_go)
    reader.set_autocommit(False)
    with reader.cursor() as cursor:
        cursor.execute("SELECT FROM events_event LIMIT 0")
    try:
        removed = removal.remove_week(old_week(), BY, timezone.now())
    finally:
        reader.close()
    assert len(paused) == 2
    assert removed is not None
    assert removed.events == 3


def test_a_removal_gives_up_if_a_reader_never_releases_its_lock(
    filled: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOCK_TIMEOUT_MS", 20)
    monkeypatch.setattr("events.removal.time.sleep", lambda _: None)
    before = state()
    reader = connections.create_connection(DEFAULT_DB_ALIAS)
    reader.set_autocommit(False)
    try:
        with reader.cursor() as cursor:
            cursor.execute("SELECT FROM events_event LIMIT 0")
        with pytest.raises(OperationalError, match="lock timeout"):
            removal.remove_week(old_week(), BY, timezone.now())
    finally:
        reader.close()
    assert state() == before


def test_a_second_removal_at_the_same_time_does_nothing(filled: Sender) -> None:
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [retention._ADVISORY_LOCK])
        assert removal.remove_week(old_week(), BY, timezone.now()) is None
    finally:
        other.close()
    assert Event.objects.count() == 5


@pytest.mark.parametrize(("weeks", "left"), [(0, 5), (12, 5), (10, 5), (9, 2), (2, 1)])
def test_weeks_beyond_the_retention_are_removed(filled: Sender, settings: Any, weeks: int, left: int) -> None:
    settings.RETENTION_WEEKS = settings.REPORT_RETENTION_WEEKS = weeks
    remove_old()
    remove_old()
    assert Event.objects.count() == left
    summarise_due()
    assert differences() == []


def test_an_event_of_a_removed_week_is_too_old(filled: Sender, settings: Any) -> None:
    settings.RETENTION_WEEKS = settings.REPORT_RETENTION_WEEKS = 4
    remove_old()
    answer = filled.batch(visit("1", old_week() + timedelta(days=2), "old"))
    assert [error["code"] for error in answer["errors"]] == ["too_old"]
    assert "more than 28 days" in answer["errors"][0]["message"]


def test_a_replay_of_an_event_beyond_the_retention_is_too_old(sender: Sender, settings: Any) -> None:
    then = old_week() + timedelta(days=1)
    bad = visit("1", then, "old", edata={"type": 1})
    wire = {"id": "x", "ver": "3.0", "events": [bad]}
    with pytest.raises(AssertionError):  # the helper expects a valid event
        post(sender, "sunbird", wire, milliseconds(then))
    file(sender)
    row = RejectedEvent.objects.get()
    row.body = bytes(row.body).replace(b'"type": 1', b'"type": "a", "level": "b", "message": "c"')
    row.save()
    settings.RETENTION_WEEKS = settings.REPORT_RETENTION_WEEKS = 4
    done = replay([row.pk], None)
    assert done.fault is not None
    assert (done.rejected, done.fault.code) == (1, "too_old")
    settings.RETENTION_WEEKS = settings.REPORT_RETENTION_WEEKS = 0
    assert replay([row.pk], None).stored == 1


def test_removing_events_does_not_change_when_a_source_last_sent(filled: Sender, client: Client) -> None:
    heard = hour_of(timezone.now() - timedelta(days=3))
    UsageHour.objects.update(hour=heard)
    removal.remove_week(old_week(), BY, timezone.now())
    headers = {"Authorization": f"Bearer {filled.text}"}
    (source,) = client.get("/api/v1/sources/", headers=headers).json()["results"]
    assert parse_datetime(source["last_heard"]) == heard
    assert source["stored"] == 5


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("remove_events", *arguments, stdout=output, stderr=StringIO())
    return output.getvalue()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def type_(text: str) -> None:
        monkeypatch.setattr("builtins.input", lambda _: text)

    return type_


def _before(weeks: int = 1) -> str:
    return f"--before={old_week() + weeks * WEEK:%Y-%m-%d}"


def test_a_dry_run_shows_counts_and_removes_nothing(filled: Sender) -> None:
    said = run(_before(), "--dry-run")
    assert re.search(rf"{removal.title(old_week())}: 3 events \(\d+ B\)", said)
    assert re.search(
        r"3 events \(\d+ B\) in \d+ weeks before .* would be removed. Their sessions and .* go with", said
    )
    assert Event.objects.count() == 5


def test_a_removal_is_confirmed_by_typing_the_number_of_events(
    filled: Sender, typed: Callable[[str], None]
) -> None:
    typed("yes")
    with pytest.raises(CommandError, match="Nothing was removed"):
        run(_before())
    assert Event.objects.count() == 5
    typed("3")
    assert re.search(r"Removed 3 events \(\d+ B\) and 1 sessions", run(_before()))
    assert Event.objects.count() == 2
    assert "Removed 1 events" in run(_before(2), "--yes")


def test_weeks_that_are_not_over_are_kept(filled: Sender) -> None:
    middle = old_week() + timedelta(days=3)
    run(f"--before={middle:%Y-%m-%d}", "--yes")
    assert Event.objects.count() == 5
    with pytest.raises(CommandError, match="last seven days"):
        run(f"--before={timezone.now():%Y-%m-%d}", "--yes")
