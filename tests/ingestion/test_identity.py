"""Events with the same ID and time are one event, whatever else differs."""

from events.event import Event
from events.identity import moment, occurred_ms
from events.store.usage import UsageHour
from tests.sending import AVAILITY, MakeSender, Sender, file_all, log_event, message, now_ms


def duplicates() -> tuple[int, int]:
    rows = UsageHour.objects.values_list("duplicates", "conflicting")
    return sum(row[0] for row in rows), sum(row[1] for row in rows)


def test_a_repeated_event_is_a_duplicate(sender: Sender) -> None:
    event = log_event()
    sender.batch(event)
    file_all()
    sender.batch(event)
    file_all()
    assert Event.objects.count() == 1
    assert duplicates() == (1, 0)


def test_of_two_events_with_one_id_in_a_batch_the_first_is_stored(sender: Sender) -> None:
    ets = now_ms()
    sender.batch(log_event(ets=ets), log_event(ets=ets, tags=["other"]))
    file_all()
    assert Event.objects.get().tags is None
    assert duplicates() == (1, 1)


def test_a_repeat_with_another_body_is_counted_as_conflicting(sender: Sender) -> None:
    ets = now_ms()
    sender.batch(log_event(ets=ets))
    file_all()
    sender.batch(log_event(ets=ets, tags=["other"]))
    file_all()
    assert duplicates() == (1, 1)


def test_the_same_id_at_another_time_is_another_event(sender: Sender) -> None:
    ets = now_ms()
    sender.batch(log_event(ets=ets), log_event(ets=ets - 1))
    assert file_all().stored == 2


def test_the_same_id_of_another_owner_is_another_event(make_sender: MakeSender) -> None:
    event = log_event()
    make_sender("One").batch(event)
    make_sender("Two").batch(event)
    assert file_all().stored == 2


def test_events_without_an_id_are_separate_events(sender: Sender) -> None:
    sender.post(AVAILITY, message())
    sender.post(AVAILITY, message())
    assert file_all().stored == 2


def test_an_id_is_a_version_8_uuid_that_contains_its_time(sender: Sender) -> None:
    ets = now_ms() - 5
    sender.batch(log_event(ets=ets))
    file_all()
    event = Event.objects.get()
    assert occurred_ms(event.id.int) == ets
    assert event.occurred_at == moment(ets)
    assert (event.id.version, event.id.variant) == (8, "specified in RFC 4122")


def test_a_repeat_with_true_instead_of_1_is_conflicting(sender: Sender) -> None:
    ets = now_ms()
    sender.batch(log_event(ets=ets, x=1))
    file_all()
    sender.batch(log_event(ets=ets, x=True))
    sender.batch(log_event(ets=ets, x=1.0))
    file_all()
    assert duplicates() == (2, 1)
