"""Removing a week during filing, summarising and reading causes no lasting failure or wrong counters."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event as Flag
from threading import Thread

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from events import removal
from events.event import Event
from tests.sending import Sender
from tests.sessions.stored import file, summarise_due
from tests.store.test_removal import BY, differences, old_week, visit

ROUNDS = 4


def _until(stop: Flag, work: Callable[[int], object], failures: list[BaseException]) -> None:
    """Call `work` repeatedly. Retry after deadlocks, as workers do."""
    turn = 0
    try:
        while not stop.is_set():
            turn += 1
            try:
                work(turn)
            except OperationalError as error:
                if "deadlock" not in str(error) and "lock timeout" not in str(error):
                    raise
    except BaseException as error:  # noqa: BLE001  (reported by the test)
        failures.append(error)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_weeks_can_be_removed_during_filing_and_summarising(sender: Sender) -> None:
    def file_some(turn: int) -> None:
        late = old_week() + timedelta(hours=turn % 160)  # always within that week
        file(sender, visit(f"late {turn}", late, f"s{turn % 3}"), visit(f"{turn}", timezone.now(), "new"))

    stop, failures = Flag(), list[BaseException]()
    workers = [
        Thread(target=_until, args=(stop, work, failures))
        for work in (file_some, lambda _: summarise_due(), lambda _: Event.objects.count())
    ]
    for worker in workers:
        worker.start()
    removed: list[removal.Removed] = []
    try:
        while len(removed) < ROUNDS and not failures:
            # There must be events first: otherwise they would keep taking locks from each other.
            if not Event.objects.occurred_before(old_week() + timedelta(days=7)).exists():
                time.sleep(0.1)
                continue
            done = removal.remove_week(old_week(), BY, timezone.now())
            assert done is not None
            if done.events:
                removed.append(done)
    finally:
        stop.set()
        for worker in workers:
            worker.join(60)
    assert failures == []
    # Events may have been filed after the last removal.
    removal.remove_week(old_week(), BY, timezone.now())
    summarise_due()
    assert differences() == []
    assert Event.objects.occurred_before(old_week() + timedelta(days=7)).count() == 0
    assert Event.objects.exists()
