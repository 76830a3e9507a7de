"""Setting the server's clock back and forward between requests neither loses nor duplicates events."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.sending import AVAILITY, Sender, file_all, log_event, message, now_ms

STEPS = [0, 3600, -3600, 30, -30, -86_400, 86_400, 0]  # seconds


def test_clock_changes_neither_lose_nor_duplicate_events(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, stored, duplicates = timezone.now, 0, 0
    ets = now_ms()
    for n, seconds in enumerate(STEPS):
        monkeypatch.setattr(timezone, "now", lambda by=seconds: real() + timedelta(seconds=by))
        sender.batch(log_event(f"new {n}"), log_event("again", ets=ets))
        assert sender.post(AVAILITY, message(), **{"Idempotency-Key": "again"}).status_code == 201
        if n % 2:
            done = file_all()  # the drain's clock differs from that of the first request
            stored, duplicates = stored + done.stored, duplicates + done.duplicates
    # New events each time; the repeated message and event count once.
    assert (stored, duplicates) == (len(STEPS) + 2, 2 * (len(STEPS) - 1))
