"""Changes are removed with their events, and cursors remain valid."""

from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import call_command
from django.utils import timezone

from events.changes import change, reading
from events.changes.blanking import NIL
from events.changes.change import Change, What
from events.changes.completing import NUMBER_AS_UUID, missing
from events.changes.reading import BEGINNING, Cursor
from events.event import Event
from events.feed.retention import remove_old
from events.sessions.session import Session
from events.store import retention
from ingestion.rejected import changes as rejected_changes
from ingestion.rejected.event import RejectedEvent
from tests.sending import Sender, file_all, log_event
from tests.summarising import summarise_sessions


def positions() -> list[int | None]:
    return list(Change.objects.filter(what=What.EVENTS).order_by("id").values_list("position", flat=True))


def test_changes_of_removed_events_are_removed_and_old_cursors_stay_valid(sender: Sender) -> None:
    for mid in ("removed", "kept"):
        sender.batch(log_event(mid))
        file_all()
    change.number_all()
    first, second = Change.objects.filter(what=What.EVENTS).order_by("position")
    old = timezone.now() - timedelta(weeks=9)
    Change.objects.filter(pk=first.pk).update(position=reading.since(old).position)
    cursor = reading.changes_after(BEGINNING, None, What.EVENTS, 1)[1]
    Event.objects.filter(pk__in=first.ids).delete()
    retention.note_events_removed(old + timedelta(weeks=2), reports_kept=False)

    remove_old(timezone.now())

    assert positions() == [second.position]
    for known in (BEGINNING, Cursor(1, 5), cursor):
        found, _ = reading.changes_after(known, None, What.EVENTS, 10)
        assert [each.id for each in found] == second.ids


def test_without_removals_all_changes_stay_and_are_numbered(sender: Sender) -> None:
    sender.batch(log_event())
    file_all()
    assert positions() == [None]
    assert remove_old(timezone.now()) == 0
    assert all(positions())


@pytest.mark.parametrize("what", [What.EVENTS, What.REJECTED, What.SESSIONS])
def test_rows_stored_before_the_feed_existed_are_added_once(sender: Sender, what: What) -> None:
    from django.db import connection

    sender.batch(log_event("a"), log_event("b"), {"eid": "NOPE"})
    file_all()
    summarise_sessions()
    before, _ = reading.changes_after(BEGINNING, None, what, 10)
    assert before
    Change.objects.filter(what=what).delete()
    table, number = {
        What.EVENTS: ("events_event", "id"),
        What.REJECTED: (RejectedEvent._meta.db_table, NUMBER_AS_UUID),
        What.SESSIONS: ("events_session", "id"),
    }[what]
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(missing(what, table, number))
    found, _ = reading.changes_after(BEGINNING, None, what, 10)
    assert [each.id for each in found] == [each.id for each in before]


def test_changes_of_rejected_events_are_removed_with_the_last_of_them(sender: Sender) -> None:
    sender.batch({"eid": "NOPE", "mid": "a"}, {"eid": "NOPE", "mid": "b"})
    file_all()
    change.number_all()
    of_rejected = Change.objects.filter(what=What.REJECTED)
    kept = of_rejected.get()
    first, second = RejectedEvent.objects.order_by("pk")
    for event, left in ((first, [kept]), (second, [])):
        assert rejected_changes.remove_old(timezone.now()) == 0
        event.delete()
        rejected_changes.remove_old(timezone.now())
        assert list(of_rejected.all()) == left


def test_erased_ids_are_removed_from_the_feed_and_cursors_stay_valid(sender: Sender) -> None:
    ann = {"actor": {"id": "ann-4711", "type": "User"}}
    sender.batch(log_event("1", **ann), log_event("2"), log_event("3", **ann), log_event("4"))
    file_all()
    sender.batch(log_event("5", **ann))
    file_all()  # as a change without a position
    first, second, *rest = reading.changes_after(BEGINNING, None, What.EVENTS, 9)[0]
    theirs = set(Event.objects.filter(actor="ann-4711").values_list("pk", flat=True))
    Change.objects.filter(position=rest[-1].after.position - 1).update(position=None)
    call_command("erase_actor", "--owner=YourTeam", "--actor=ann-4711", "--yes", stdout=StringIO())
    assert len(theirs) == 3
    assert not theirs.intersection(ids_of(What.EVENTS))
    after = reading.changes_after(second.after, None, What.EVENTS, 9)[0]
    assert [each.after.offset for each in after] == [each.after.offset for each in rest]
    kept = {each.id for each in (first, second, *rest)} & set(Event.objects.values_list("pk", flat=True))
    assert len(kept) == 2
    assert {each.id for each in reading.changes_after(BEGINNING, None, What.EVENTS, 9)[0]} == kept | {NIL}


def test_sessions_removed_by_an_erasure_are_removed_from_the_feed(sender: Sender) -> None:
    context = {"channel": "c1", "env": "home", "pdata": {"id": "portal"}, "did": "d1"}
    for sid, actor in (("of ann", "ann-4711"), ("of ben", "ben")):
        sender.batch(log_event(sid, actor={"id": actor, "type": "User"}, context=context | {"sid": sid}))
    file_all()
    summarise_sessions()
    before = set(ids_of(What.SESSIONS))
    call_command("erase_actor", "--owner=YourTeam", "--actor=ann-4711", "--yes", stdout=StringIO())
    kept = Session.objects.get().pk
    assert kept in before
    assert set(ids_of(What.SESSIONS)) == {kept, NIL}


def ids_of(what: What) -> list[UUID]:
    return [each for ids in Change.objects.filter(what=what).values_list("ids", flat=True) for each in ids]
