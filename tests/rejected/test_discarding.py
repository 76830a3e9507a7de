"""Discarding deletes an event, which stays counted as rejected."""

from django.utils import timezone

from events.store.usage import UsageHour
from ingestion.rejected.discarding import DiscardedEvent, discard
from ingestion.rejected.event import RejectedEvent
from tests.rejected.conftest import is_balanced, pageless, refused
from tests.sending import Sender


def discarded(sender: Sender, ids: list[int]) -> list[int]:
    owner = sender.key.default_owner
    return discard(ids, by="lena", reason="A test run.", now=timezone.now(), may_write={owner.pk})


def test_a_discarded_event_stays_counted_with_who_and_why(team_a: Sender) -> None:
    (row,) = refused(team_a)
    assert discarded(team_a, [row.pk]) == [row.pk]
    assert not RejectedEvent.objects.exists()
    kept = DiscardedEvent.objects.get()
    assert (kept.code, kept.discarded_by, kept.reason) == ("missing", "lena", "A test run.")
    assert UsageHour.objects.get().rejected == 1
    assert is_balanced()


def test_a_discarded_event_that_is_sent_again_is_rejected_again(team_a: Sender) -> None:
    event = pageless()
    (row,) = refused(team_a, event)
    discarded(team_a, [row.pk])
    (again,) = refused(team_a, event)
    assert again.seen == 1
    assert UsageHour.objects.get().rejected == 2


def test_events_of_other_owners_cannot_be_discarded(team_a: Sender, team_b: Sender) -> None:
    (row,) = refused(team_a)
    assert discarded(team_b, [row.pk]) == []
    assert RejectedEvent.objects.count() == 1
