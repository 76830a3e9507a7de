"""E-mail addresses can be stored with a hash, or replaced by it."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from events.enrichment.emails import email_hash
from events.kinds.emitted_event import EmittedEvent
from events.kinds.ui_action import UiAction
from events.store.details import as_wire
from events.store.usage import UsageHour
from tests.enrichment.test_places import holds
from tests.sending import AVAILITY, EMIT, Sender, emitted, file_all, log_event, message, only_event
from tests.wire import samples

DANA = "Dana@Example.org"
HASH = email_hash("dana@example.org")


def availity(**changes: Any) -> Any:
    return samples.with_value(message(**changes), "telemetryBody.entries.userId", DANA)


def test_a_hash_is_stored_with_the_address(sender: Sender) -> None:
    sent = availity(contact=DANA)
    sender.post(AVAILITY, sent)
    file_all()
    stored, detail = only_event(), UiAction.objects.get()
    assert (stored.actor, stored.actor_email_hash) == (DANA, HASH)
    assert (detail.contact, detail.contact_hash) == (DANA, HASH)
    assert as_wire(stored) == sent


@pytest.fixture
def replaced(settings: Any) -> None:
    settings.EMAIL_ADDRESSES = "replace"


def test_a_replaced_address_is_not_returned_with_the_event(replaced: None, sender: Sender) -> None:
    sent = availity(contact=DANA)
    sender.post(AVAILITY, sent)
    file_all()
    stored, detail = only_event(), UiAction.objects.get()
    assert (stored.actor, detail.contact, detail.contact_hash) == (HASH, HASH, HASH)
    expected = samples.without(samples.without(sent, "contact"), "telemetryBody.entries.userId")
    assert as_wire(stored) == expected
    assert not holds("events_event", DANA)
    assert not holds("events_uiaction", DANA)


def test_an_actor_of_sunbird_is_replaced_even_if_corrected(replaced: None, sender: Sender) -> None:
    sent = log_event(actor={"id": f"f:x:{DANA}", "type": "User"})
    sender.batch(sent)
    file_all()
    assert only_event().actor == HASH
    assert as_wire(only_event()) == samples.without(sent, "actor.id")
    assert not holds("events_event", DANA)


def test_users_of_buildless_are_replaced_even_if_they_differ_from_the_key(
    replaced: None, sender: Sender
) -> None:
    sender.key.user = User.objects.create(username="dana")
    sender.key.save()
    sent = emitted(user=DANA, detail={"user": {"uid": DANA, "username": DANA}})
    sender.post(EMIT, sent)
    file_all()
    stored = EmittedEvent.objects.get()
    assert (stored.user, stored.user_id, stored.username) == ("dana", HASH, HASH)
    assert not holds("events_event", DANA)
    assert not holds("events_emittedevent", DANA)
    expected = emitted(detail={"user": {}})["event"] | {"timing": sent["event"]["timing"]}
    assert as_wire(only_event())["event"] in (expected, samples.without({"e": expected}, "e.detail")["e"])


def test_a_repeat_of_a_replaced_event_is_not_conflicting(replaced: None, sender: Sender) -> None:
    sent = log_event(actor={"id": DANA, "type": "User"})
    sender.batch(sent)
    file_all()
    sender.batch(sent)
    file_all()
    sender.batch(sent | {"tags": ["another"]})
    file_all()
    usage = UsageHour.objects.get()
    assert (usage.stored, usage.duplicates, usage.conflicting) == (1, 2, 1)


@pytest.mark.parametrize("actor", ["u1", "not an address@", "@", "a b@c", "x@y@z"])
def test_actors_that_are_not_addresses_are_kept(replaced: None, sender: Sender, actor: str) -> None:
    sender.batch(log_event(actor={"id": actor, "type": "User"}))
    file_all()
    assert (only_event().actor, only_event().actor_email_hash) == (actor, None)


def test_an_escaped_address_has_the_hash_of_the_sent_text(sender: Sender) -> None:
    address = "a\x00b@example.org"
    sender.batch(log_event(actor={"id": address, "type": "User"}))
    file_all()
    assert only_event().actor_email_hash == email_hash(address)
