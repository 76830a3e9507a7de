"""With `Idempotency-Key`, retries of a message without an ID are one event."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.event import Event
from events.store.usage import UsageHour
from ingestion.receiving.inbox import IDEMPOTENCY_WINDOW, IdempotencyKey, forget_old
from tests.conftest import SetClock
from tests.sending import AVAILITY, MakeSender, Sender, file_all, message

KEY = {"Idempotency-Key": "order-1"}


def duplicates() -> int:
    return sum(UsageHour.objects.values_list("duplicates", flat=True))


@pytest.mark.parametrize("drained_between", [True, False])
def test_a_retry_gets_the_same_response_and_is_one_event(sender: Sender, drained_between: bool) -> None:
    assert sender.post(AVAILITY, message(), **KEY).status_code == 201
    if drained_between:
        file_all()
    assert sender.post(AVAILITY, message(), **KEY).status_code == 201
    file_all()
    assert (Event.objects.get().client_event_id, duplicates()) == ("order-1", 1)


def test_a_retry_is_one_event_even_if_it_would_be_too_old(
    sender: Sender, settings: Any, set_clock: SetClock
) -> None:
    settings.EVENT_MAX_AGE_DAYS = 1
    now = timezone.now()
    set_clock(now - timedelta(days=3))
    assert sender.post(AVAILITY, message(), **KEY).status_code == 201
    file_all()
    set_clock(now)
    assert sender.post(AVAILITY, message(), **KEY).status_code == 201
    done = file_all()
    assert (done.rejected, done.duplicates) == (0, 1)


def test_another_body_with_the_same_key_is_a_conflict(sender: Sender) -> None:
    sender.post(AVAILITY, message(), **KEY)
    response = sender.post(AVAILITY, message(payerId="other"), **KEY)
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "idempotency_key_reused"
    assert file_all().stored == 1


def test_the_same_key_for_another_owner_is_another_event(make_sender: MakeSender) -> None:
    for owner in ("One", "Two"):
        make_sender(owner).post(AVAILITY, message(owner=owner), **KEY)
    assert file_all().stored == 2


def test_a_message_that_is_refused_twice_is_kept_once(sender: Sender) -> None:
    for _ in range(2):
        assert sender.post(AVAILITY, message(version="9"), **KEY).status_code == 400
    done = file_all()
    assert (done.rejected, done.duplicates) == (1, 1)


def test_a_request_over_a_limit_is_not_remembered(sender: Sender, settings: object) -> None:
    settings.INGEST_MAX_BODY_BYTES = 10  # type: ignore[attr-defined]
    assert sender.post(AVAILITY, message(), **KEY).status_code == 413
    assert not IdempotencyKey.objects.exists()


def test_a_key_can_be_reused_after_the_window(sender: Sender) -> None:
    sender.post(AVAILITY, message(), **KEY)
    file_all()
    IdempotencyKey.objects.update(first_seen=timezone.now() - IDEMPOTENCY_WINDOW - timedelta(seconds=1))
    assert sender.post(AVAILITY, message(payerId="other"), **KEY).status_code == 201
    assert file_all().stored == 1


def test_old_keys_are_deleted(sender: Sender) -> None:
    sender.post(AVAILITY, message(), **KEY)
    now = timezone.now()
    assert (forget_old(now), forget_old(now + IDEMPOTENCY_WINDOW + timedelta(minutes=1))) == (0, 1)
