"""The feed goes with the events, and a cursor outlives both."""

from datetime import timedelta

import pytest
from django.utils import timezone

from events.event import Event
from events.feed import change, reading
from events.feed.change import Change, What
from events.feed.completing import NUMBER_AS_UUID, missing
from events.feed.reading import BEGINNING, Cursor
from events.feed.retention import remove_old
from events.store import retention
from ingestion.rejected.event import RejectedEvent
from tests.sending import Sender, file_all, log_event
from tests.summing import sum_up


def positions() -> list[int | None]:
    return list(Change.objects.filter(what=What.EVENTS).order_by("id").values_list("position", flat=True))


def test_changes_of_removed_events_are_removed_and_old_cursors_lead_on(sender: Sender) -> None:
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


def test_without_removals_nothing_goes_and_everything_is_numbered(sender: Sender) -> None:
    sender.batch(log_event())
    file_all()
    assert positions() == [None]
    assert remove_old(timezone.now()) == 0
    assert all(positions())


@pytest.mark.parametrize("what", list(What))
def test_what_was_stored_before_the_feed_is_added_once(sender: Sender, what: What) -> None:
    from django.db import connection

    sender.batch(log_event("a"), log_event("b"), {"eid": "NOPE"})
    file_all()
    sum_up()
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
