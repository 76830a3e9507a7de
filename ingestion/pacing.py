"""Pacing: what one drain process remembers between blocks, so that no owner and no request holds up the rest.

It is kept in the process's memory. A restart forgets it, which costs a few attempts and no correctness.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

MOST_OWNERS = 10_000  # whose turns are remembered
BLOCK_SECONDS = 1.0  # what a block should take, so that whoever comes next waits no longer
SMALLEST = 1 / 16  # of a block's bounds

MOST_SETBACKS = 2_000
# Seconds until a request is tried again, by how often the database failed on it.
WAITS = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
APART = 5  # failures after which its events are filed one by one
HOPELESS = 6  # failures after which it is rejected as a whole


@dataclass
class Turns:
    """The owners in the order in which their requests were last claimed."""

    _served: OrderedDict[int, None] = field(default_factory=OrderedDict)

    def serve(self, owners: Iterable[int]) -> None:
        """Let owners go to the end of the queue."""
        for owner in owners:
            self._served[owner] = None
            self._served.move_to_end(owner)
        while len(self._served) > MOST_OWNERS:
            self._served.popitem(last=False)

    def in_order(self) -> list[int]:
        """The owners that were served, the one that waits longest first."""
        return list(self._served)


@dataclass
class Size:
    """The part of the bounds that a block is given: less where blocks take long, by events or by load."""

    part: float = 1.0

    def took(self, seconds: float) -> None:
        """Learn from a block."""
        if seconds > 1.5 * BLOCK_SECONDS:
            self.part = max(SMALLEST, self.part / 2)
        elif seconds < 0.5 * BLOCK_SECONDS:
            self.part = min(1.0, self.part * 2)

    def of(self, bound: int) -> int:
        """A bound of the next block."""
        return max(1, int(bound * self.part))


@dataclass(slots=True)
class Setback:
    """A request that the database failed on."""

    failures: int
    retry_at: float  # monotonic seconds
    progress: int  # how many blocks had been filed when it last failed


@dataclass
class Setbacks:
    """Requests that the database failed on, and whether it has worked for others since.

    An outage fails on everything: then nothing is filed in between, and no failure is held against anybody.
    """

    _requests: dict[int, Setback] = field(default_factory=dict)
    _progress: int = 0

    def note(self, ids: Iterable[int]) -> None:
        """Remember that the database failed on requests."""
        now = time.monotonic()
        for request in ids:
            known = self._requests.get(request)
            if known is None:
                if len(self._requests) < MOST_SETBACKS:
                    self._requests[request] = Setback(1, now + WAITS[0], self._progress)
                continue
            if self._progress > known.progress:
                known.failures += 1
                known.progress = self._progress
            known.retry_at = now + WAITS[min(known.failures, len(WAITS)) - 1]

    def filed(self, ids: Iterable[int]) -> None:
        """Remember that the database worked, and forget what became of these."""
        self._progress += 1
        for request in ids:
            self._requests.pop(request, None)

    def forget(self, ids: Iterable[int]) -> None:
        """Forget requests that another process has filed."""
        for request in ids:
            self._requests.pop(request, None)

    def held(self) -> list[int]:
        """The requests that stay out of blocks."""
        return list(self._requests)

    def due(self) -> int | None:
        """A request whose time to be tried again has come, the first one."""
        now = time.monotonic()
        due = [
            (known.retry_at, request) for request, known in self._requests.items() if known.retry_at <= now
        ]
        return min(due)[1] if due else None

    def failures(self, request: int) -> int:
        """How often the database failed on a request while it worked for others."""
        known = self._requests.get(request)
        return known.failures if known else 0


SUSPECT_SECONDS = 10.0  # after which one that was tried often is tried again beside new blocks


@dataclass
class Suspects:
    """The next time when a request that may have killed its workers is tried beside others that wait.

    When nothing else waits it is tried at once, but in a flood something always waits. It is given up after a
    few attempts, so a request that does kill its workers costs the others a few restarts, each at least
    SUSPECT_SECONDS after the last.
    """

    _next: float = field(default_factory=lambda: time.monotonic() + SUSPECT_SECONDS)

    def is_due(self) -> bool:
        """Return True once every SUSPECT_SECONDS, not before the first of them are over."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + SUSPECT_SECONDS
        return True


@dataclass
class Memory:
    """What a drain process remembers."""

    turns: Turns = field(default_factory=Turns)
    size: Size = field(default_factory=Size)
    setbacks: Setbacks = field(default_factory=Setbacks)
    suspects: Suspects = field(default_factory=Suspects)


memory = Memory()


def forget() -> None:
    """Forget everything, for tests."""
    memory.turns, memory.size = Turns(), Size()
    memory.setbacks, memory.suspects = Setbacks(), Suspects()
