"""Waiting for changes: one thread of the process polls the database for all readers that wait.

A waiting reader holds a thread of the server, but no slot and no connection (docs/decisions/122). While
anybody waits, the thread queries new changes every half second, and wakes the readers concerned.
"""

import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import close_old_connections, connection

from events.changes import reading
from events.changes.change import What
from events.changes.reading import Cursor

log = logging.getLogger(__name__)
MOST = 200  # readers of a process that wait at a time
LOOK_SECONDS = 0.5


@dataclass(eq=False, slots=True)
class Waiter:
    """A reader who waits for changes of some owners (None: of all) after a cursor."""

    what: What
    owners: Collection[int] | None
    cursor: Cursor
    is_new: bool = True
    wakes: threading.Event = field(default_factory=threading.Event)

    def concerns(self, what: int, owner: int, position: int) -> bool:
        """True if a change is one that the reader waits for."""
        if what != self.what or position < self.cursor.position:
            return False
        return self.owners is None or owner in self.owners


class Watcher:
    """The readers that wait in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: set[Waiter] = set()
        self._is_watching = False

    def has_room(self) -> bool:
        """True if one more may wait."""
        return len(self._waiters) < MOST

    def wait(self, waiter: Waiter, seconds: float) -> bool:
        """Wait until there are changes, at most for some seconds. False if the time is up."""
        with self._lock:
            self._waiters.add(waiter)
            if not self._is_watching:
                self._is_watching = True
                threading.Thread(target=self._watch, name="feed", daemon=True).start()
        try:
            return waiter.wakes.wait(seconds)
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def _watch(self) -> None:
        """Look until nobody waits."""
        seen: Cursor | None = None
        while self._go_on():
            close_old_connections()
            try:
                seen = self._look(seen)
            except Exception:  # a failed look must not be the last
                # Each of them asks the database by itself, and tells its client.
                log.exception("The feed can't be looked at")
                self._wake_all()
            time.sleep(LOOK_SECONDS)
        connection.close()

    def _go_on(self) -> bool:
        with self._lock:
            self._is_watching = bool(self._waiters)
            return self._is_watching

    def _look(self, seen: Cursor | None) -> Cursor:
        """Wake the waiters whom what was written since `seen` concerns; return the cursor after that."""
        with self._lock:
            waiters = list(self._waiters)
        seen = seen or reading.end()
        written = reading.written_since(seen)
        for waiter in waiters:
            if any(waiter.concerns(*each) for each in written):
                waiter.wakes.set()
            elif waiter.is_new:
                # Changes may have been written before it began to wait; the next look finds all later ones.
                waiter.is_new = False
                if reading.has_more(waiter.cursor, waiter.owners, waiter.what):
                    waiter.wakes.set()
        return Cursor(max(position for *_, position in written) + 1) if written else seen

    def _wake_all(self) -> None:
        with self._lock:
            for waiter in self._waiters:
                waiter.wakes.set()


watcher = Watcher()
