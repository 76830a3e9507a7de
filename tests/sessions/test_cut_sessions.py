"""Sessions of devices without session ids: cut by inactivity, joined by late events."""

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
    """Each event filed and summed up by itself; the sessions that there are then."""
    for event in events:
        file(sender, event)
        summarise_due()
    assert_as_expected()
    return list(Session.objects.order_by("started_at"))


def test_thirty_minutes_join_and_a_millisecond_more_cuts(sender: Sender) -> None:
    assert [row.events for row in filed(sender, at(0), at(30), at(60 + 1 / MINUTE))] == [2, 1]


def test_in_whatever_order_they_come(sender: Sender) -> None:
    assert [row.events for row in filed(sender, at(60), at(0), at(90), at(30), at(200))] == [4, 1]


def test_an_event_between_joins_two_sessions_and_leaves_a_redirect(sender: Sender) -> None:
    first, second = filed(sender, at(0), at(50))
    (joined,) = filed(sender, at(25))
    assert joined.pk == first.pk
    assert list(SessionRedirect.objects.values_list("old", "current")) == [(second.pk, first.pk)]


def test_an_earlier_event_gives_a_new_id_and_redirects_go_straight_to_it(sender: Sender) -> None:
    first, second = filed(sender, at(60), at(110))
    (joined,) = filed(sender, at(85))
    (earlier,) = filed(sender, at(40))
    assert joined.pk == first.pk != earlier.pk
    assert dict(SessionRedirect.objects.values_list("old", "current")) == {
        first.pk: earlier.pk,
        second.pk: earlier.pk,
    }


def test_devices_and_channels_are_kept_apart(sender: Sender) -> None:
    rows = filed(
        sender, at(0), at(1, did="d2"), at(2, channel="c2"), at(3, did="d" * 512), at(4, did="d" * 511)
    )
    assert [row.events for row in rows] == [1] * 5


def test_an_event_without_session_or_device_belongs_to_none(sender: Sender) -> None:
    assert filed(sender, at(0, did="", sid="")) == []


def test_an_event_finds_its_session_and_a_session_its_events(sender: Sender) -> None:
    one, two = filed(sender, at(0), at(10), at(100))
    events = list(one.timeline())
    assert [event.occurred_at for event in events] == [one.started_at, one.ended_at]
    assert [Session.objects.of_event(event).get() for event in events] == [one, one]
    assert Session.objects.of_event(two.timeline().get()).get() == two
