"""Threads that deliver webhooks, so that a receiver that hangs holds up nothing but its own webhook.

Each thread has one webhook at a time. Those whose last attempt failed share a few threads of their own: they
may hang, and the others must not wait for them. The task only starts deliveries, so no worker waits either.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections
from django.utils import timezone

from events.webhooks import delivery

log = logging.getLogger(__name__)
THREADS, FAILING_THREADS = 8, 4  # of a process, each with a connection to the database


class _Crew:
    """A fixed number of threads. More webhooks than threads wait for the next tick."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._busy: set[int] = set()
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="webhooks")

    def start(self, pk: int, work: Callable[[int], None]) -> None:
        """Start work on a webhook if a thread is free."""
        if len(self._busy) < self._size and pk not in self._busy:
            self._busy.add(pk)
            self._pool.submit(self._run, pk, work)

    def finish(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()

    def _run(self, pk: int, work: Callable[[int], None]) -> None:
        try:
            work(pk)
        except Exception:
            log.exception("A webhook can't be delivered", extra={"webhook": pk})
        finally:
            connections.close_all()
            self._busy.discard(pk)


class Threads:
    """The threads of this process."""

    def __init__(self, size: int = THREADS, failing: int = FAILING_THREADS) -> None:
        self._crews = {False: _Crew(size), True: _Crew(failing)}
        self._stops = threading.Event()

    def deliver_due(self) -> None:
        """Start the delivery of what is new, and return."""
        for each in delivery.due(timezone.now()):
            self._crews[each.is_failing].start(each.pk, self._deliver)

    def finish(self) -> None:
        """End each delivery after its current attempt, and wait for that."""
        self._stops.set()
        for crew in self._crews.values():
            crew.finish()

    def _deliver(self, pk: int) -> None:
        delivery.deliver(pk, self._stops.is_set)


threads = Threads()
