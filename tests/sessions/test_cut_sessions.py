"""Sessions of devices without session IDs: split by inactivity, joined by late events."""

from typing import Any

from events.sessions.session import Session, SessionRedirect
from tests.sending import Sender, log_event
from tests.sessions.stored import assert_as_expected, base_ms, file, summarise_due

MINUTE = 60_000


def at(minutes: float, did: str = "d1", **context: Any) -> Any:
    about = {"channel": "c1", "env": "home", "pdata": {"id": "app"}, "did": did} | context
    return log_event(
        f"{minutes} {len(did)} {did[:9]} {context}", ets=base_ms() + round(minutes * MINUTE), context=about
    )


def filed(sender: Sender, *events: Any) -> list[Session]:
    """File and summarise each event separately, and return all sessions."""
    for event in events:
        file(sender, event)
        summarise_due()
    assert_as_expected()
    return list(Session.objects.order_by("started_at"))


def test_more_than_thirty_minutes_of_inactivity_split_a_session(sender: Sender) -> None:
    assert [row.events for row in filed(sender, at(0), at(30), at(60 + 1 / MINUTE))] == [2, 1]


def test_sessions_do_not_depend_on_the_order_of_events(sender: Sender) -> None:
    assert [row.events for row in filed(sender, at(60), at(0), at(90), at(30), at(200))] == [4, 1]


def test_an_event_between_two_sessions_joins_them_with_a_redirect(sender: Sender) -> None:
    first, second = filed(sender, at(0), at(50))
    (joined,) = filed(sender, at(25))
    assert joined.pk == first.pk
    assert list(SessionRedirect.objects.values_list("old", "current")) == [(second.pk, first.pk)]


def test_an_earlier_event_changes_the_id_and_all_redirects(sender: Sender) -> None:
    first, second = filed(sender, at(60), at(110))
    (joined,) = filed(sender, at(85))
    (earlier,) = filed(sender, at(40))
    assert joined.pk == first.pk != earlier.pk
    assert dict(SessionRedirect.objects.values_list("old", "current")) == {
        first.pk: earlier.pk,
        second.pk: earlier.pk,
    }


def test_devices_and_channels_have_separate_sessions(sender: Sender) -> None:
    rows = filed(
        sender, at(0), at(1, did="d2"), at(2, channel="c2"), at(3, did="d" * 512), at(4, did="d" * 511)
    )
    assert [row.events for row in rows] == [1] * 5


def test_an_event_without_session_and_device_has_no_session(sender: Sender) -> None:
    assert filed(sender, at(0, did="", sid="")) == []


def test_events_and_sessions_can_be_found_from_each_other(sender: Sender) -> None:
    one, two = filed(sender, at(0), at(10), at(100))
    events = list(one.timeline())
    assert [event.occurred_at for event in events] == [one.started_at, one.ended_at]
    assert [Session.objects.of_event(event).get() for event in events] == [one, one]
    assert Session.objects.of_event(two.timeline().get()).get() == two
