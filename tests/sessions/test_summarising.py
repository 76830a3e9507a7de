"""Summarising pending sessions: large ones, concurrent workers, failures, unchanged summaries."""

import threading
import time
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.utils import timezone

from events import tasks
from events.sessions import claiming, summarising, writing
from events.sessions.session import LargeSession, Session, SessionEventCount, State
from events.sessions.summarising import summarise_block, summarise_large
from events.store.pending import TouchedSession
from tests.sending import MakeSender, Sender, differences, log_event
from tests.sessions.stored import assert_as_expected, base_ms, file, summarise_due


def events(sid: str, count: int, begin: int = 0) -> list[Any]:
    context = {"channel": "c1", "env": "home", "pdata": {"id": "app"}, "sid": sid}
    return [
        log_event(f"{sid} {n}", ets=base_ms() + n * 1000, context=context)
        for n in range(begin, begin + count)
    ]


@pytest.fixture
def small_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summarising, "LARGE", 5)


def test_a_large_session_is_computed_after_small_ones_and_then_deferred(
    sender: Sender, small_bound: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(sender, *events("large", 6), *events("small", 5))
    now = timezone.now()
    summarise_block(now)
    assert list(Session.objects.values_list("session", flat=True)) == ["small"]
    assert summarise_block(now).keys == 0
    assert summarise_large(now).keys == 1
    assert_as_expected()
    # With a new event, it isn't computed again before the deferral ends.
    file(sender, *events("large", 1, begin=6))
    monkeypatch.setattr(summarising, "_compute", lambda *_: pytest.fail("computed"))
    assert (summarise_block(now).keys, summarise_large(now).keys) == (0, 0)
    monkeypatch.undo()
    later = LargeSession.objects.get().rests_until
    assert later > now
    assert summarise_large(later).keys == 1
    assert_as_expected()


def test_a_large_session_is_deferred_for_nine_times_its_duration(
    sender: Sender, small_bound: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(sender, *events("large", 6))
    summarise_block(timezone.now())
    compute = summarising._compute

    def slowly(*arguments: Any) -> Any:
        time.sleep(0.2)
        return compute(*arguments)

    monkeypatch.setattr(summarising, "_compute", slowly)
    summarise_large(timezone.now())
    assert LargeSession.objects.get().rests_until > timezone.now() + timedelta(seconds=1.5)


def test_a_session_that_fails_is_deferred_without_affecting_others(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file(sender, *events("good", 2), *events("bad", 2), *events("better", 2))
    replace = writing.save

    def refuse(made: Any, known: Any) -> None:
        if any(session.key.session == "bad" for session in made):
            raise ValueError("no")
        replace(made, known)

    with monkeypatch.context() as patched:
        patched.setattr(writing, "save", refuse)
        summarise_block(timezone.now())
    assert set(Session.objects.values_list("session", flat=True)) == {"good", "better"}
    assert TouchedSession.objects.get().session == "bad"
    assert "Session can't be summarised" in caplog.text
    assert differences() == []
    summarise_due()
    assert_as_expected()


def test_an_unchanged_summary_is_not_written_again(sender: Sender) -> None:
    def versions() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT s.xmin::text, s.ctid::text, c.xmin::text, c.ctid::text FROM events_session s"
                " JOIN events_sessioneventcount c ON c.session_id = s.id ORDER BY s.id"
            )
            found: list[Any] = cursor.fetchall()
            return found

    file(sender, *events("s1", 3), *events("s2", 3))
    summarise_due()
    before = versions()
    for _ in claiming.requeue_all(None):
        pass
    assert summarise_due() == 2
    assert versions() == before
    file(sender, *events("s1", 1, begin=3))
    summarise_due()
    assert len(set(before) & set(versions())) == 1


def test_a_session_without_events_is_deleted(sender: Sender) -> None:
    file(sender, *events("s1", 3), *events("s2", 3))
    summarise_due()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_event WHERE session = 's1'")
    call_command("summarise", "--all", stdout=StringIO(), stderr=StringIO())
    assert Session.objects.get().session == "s2"
    assert SessionEventCount.objects.count() == 1


def test_the_task_summarises_and_accepts_keywords_of_later_releases(sender: Sender) -> None:
    file(sender, *events("s1", 2))
    tasks.summarise(something="new")
    assert Session.objects.get().events == 2


def test_the_command_can_be_limited_to_an_owner_by_name(make_sender: MakeSender) -> None:
    file(make_sender("Team A"), *events("s1", 1))
    file(make_sender("Team B"), *events("s2", 1))
    out = StringIO()
    call_command("summarise", "--owner", "team a", stdout=out, stderr=StringIO())
    assert out.getvalue() == "1 sessions or devices summarised.\n"
    assert Session.objects.get().session == "s1"
    with pytest.raises(CommandError, match="no owner named"):
        call_command("summarise", "--owner", "Team C")


@pytest.mark.django_db(transaction=True)
def test_verify_reports_pending_and_differing_sessions(sender: Sender) -> None:
    file(sender, *events("s1", 2))
    out = StringIO()
    call_command("verify", stdout=out)
    assert "Not compared: 1 sessions or devices that are pending." in out.getvalue()
    summarise_due()
    for change in ({"count": 1}, {"count": 2, "kind": "end"}):
        SessionEventCount.objects.update(**change)
        with pytest.raises(CommandError):
            call_command("verify", stdout=StringIO())
    TouchedSession.objects.all().delete()
    Session.objects.all().delete()
    with pytest.raises(CommandError, match="1 of"):
        call_command("verify", stdout=StringIO())


def test_the_state_depends_on_the_time_since_the_last_event(sender: Sender) -> None:
    file(sender, *events("s1", 1))
    summarise_due()
    session = Session.objects.get()
    for minutes, state in (
        (29, State.OPEN),
        (30, State.IDLE),
        (24 * 60 - 1, State.IDLE),
        (24 * 60, State.FINAL),
    ):
        now = session.ended_at + timedelta(minutes=minutes)
        assert session.state_at(now) == state
        assert [each for each in State if Session.objects.in_state(each, now).exists()] == [state]


@pytest.mark.django_db(transaction=True)
def test_workers_never_compute_the_same_session_at_once(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = make_sender()
    computing: set[Any] = set()
    overlaps: list[Any] = []
    guard = threading.Lock()
    compute = summarising._compute

    def watched(claims: Any, most: Any) -> Any:
        numbers = {claim.number for claim in claims}
        with guard:
            overlaps.extend(computing & numbers)
            computing.update(numbers)
        time.sleep(0.02)
        result = compute(claims, most)
        with guard:
            computing.difference_update(numbers)
        return result

    monkeypatch.setattr(summarising, "_compute", watched)
    stop = threading.Event()

    def work() -> None:
        try:
            while not stop.is_set():
                summarise_block(timezone.now())
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for begin in range(0, 30, 2):
        file(sender, *(event for sid in "abcdef" for event in events(sid, 2, begin=begin)))
    stop.set()
    for worker in workers:
        worker.join()
    assert overlaps == []
    summarise_due()
    assert_as_expected()
    with transaction.atomic():
        assert differences() == []


def test_texts_of_new_sessions_are_stored_unchanged(sender: Sender) -> None:
    """New sessions are written by COPY, whose text format has its own escapes."""
    odd = ["tab\there", "line\nbreak", "back\\slash", "\\N", "\\.", "NULL row", '"quoted", {braced}', "ä€𐍈"]
    file(sender, *(event for sid in odd for event in events(sid, 2)))

    summarise_due()

    assert set(Session.objects.values_list("session", flat=True)) == set(odd)
    assert_as_expected()


def test_a_block_takes_a_fixed_number_of_statements(
    sender: Sender, django_assert_max_num_queries: Any
) -> None:
    """Each statement handles all sessions of a block."""
    file(sender, *(event for number in range(60) for event in events(f"session {number}", 1)))

    with django_assert_max_num_queries(16):
        assert summarise_block(timezone.now()).keys == 60

    assert_as_expected()
