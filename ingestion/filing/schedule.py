"""Schedule of the drain: turns of owners, size of blocks, retries of failed requests. None delays the others.

Each drain process has its own, in memory. A restart forgets them, which costs a few attempts and no
correctness.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

MOST_OWNERS = 10_000  # in the order of turns
BLOCK_SECONDS = 1.0  # target for a block, and so the longest wait for the next one
SMALLEST = 1 / 16  # part of a block's bounds

MOST_FAILED = 2_000  # requests that are deferred at a time
# Seconds until a request is retried, by the number of its failures.
WAITS = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
ISOLATE_AFTER = 5  # failures after which its events are filed one by one
REJECT_AFTER = 6  # failures after which it is rejected as a whole


@dataclass
class Turns:
    """The owners in the order in which their requests were last claimed."""

    _served: OrderedDict[int, None] = field(default_factory=OrderedDict)

    def serve(self, owners: Iterable[int]) -> None:
        """Move owners to the end of the queue."""
        for owner in owners:
            self._served[owner] = None
            self._served.move_to_end(owner)
        while len(self._served) > MOST_OWNERS:
            self._served.popitem(last=False)

    def in_order(self) -> list[int]:
        """Return the owners served, least recently served first."""
        return list(self._served)


@dataclass
class Size:
    """The size of blocks, as a part of their bounds: smaller while blocks take long."""

    part: float = 1.0

    def adapt(self, seconds: float) -> None:
        """Adapt to the time that a block took."""
        if seconds > 1.5 * BLOCK_SECONDS:
            self.part = max(SMALLEST, self.part / 2)
        elif seconds < 0.5 * BLOCK_SECONDS:
            self.part = min(1.0, self.part * 2)

    def of(self, bound: int) -> int:
        """Return a bound scaled to the next block."""
        return max(1, int(bound * self.part))


@dataclass(slots=True)
class FailedRequest:
    """A request on which the database failed."""

    failures: int
    retry_at: float  # monotonic seconds
    progress: int  # how many blocks had been filed when it last failed


@dataclass
class FailedRequests:
    """Requests on which the database failed, deferred until they are retried.

    A failure counts only if another block was filed since the last one: in an outage nothing is filed, and no
    failure counts.
    """

    _requests: dict[int, FailedRequest] = field(default_factory=dict)
    _progress: int = 0

    def note(self, ids: Iterable[int]) -> None:
        """Record that the database failed on requests."""
        now = time.monotonic()
        for request in ids:
            known = self._requests.get(request)
            if known is None:
                if len(self._requests) < MOST_FAILED:
                    self._requests[request] = FailedRequest(1, now + WAITS[0], self._progress)
                continue
            if self._progress > known.progress:
                known.failures += 1
                known.progress = self._progress
            known.retry_at = now + WAITS[min(known.failures, len(WAITS)) - 1]

    def filed(self, ids: Iterable[int]) -> None:
        """Record that a block was filed, and forget its requests."""
        self._progress += 1
        for request in ids:
            self._requests.pop(request, None)

    def forget(self, ids: Iterable[int]) -> None:
        """Forget requests that another process has filed."""
        for request in ids:
            self._requests.pop(request, None)

    def deferred(self) -> list[int]:
        """Return the requests that stay out of blocks."""
        return list(self._requests)

    def due(self) -> int | None:
        """Return the request that is due for a retry first, or None."""
        now = time.monotonic()
        due = [
            (known.retry_at, request) for request, known in self._requests.items() if known.retry_at <= now
        ]
        return min(due)[1] if due else None

    def failures(self, request: int) -> int:
        """Return how many failures of a request count."""
        known = self._requests.get(request)
        return known.failures if known else 0


POISON_SECONDS = 10.0  # between retries of requests tried often, beside new blocks


@dataclass
class PoisonSchedule:
    """Schedule of requests that may have killed their workers, while other requests wait.

    Without other requests one is retried at once, but in a flood something always waits. It is given up after
    a few attempts, so a request that does kill its workers costs a few restarts, at least POISON_SECONDS
    apart.
    """

    _next: float = field(default_factory=lambda: time.monotonic() + POISON_SECONDS)

    def is_due(self) -> bool:
        """Return True once every POISON_SECONDS, for the first time after POISON_SECONDS."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + POISON_SECONDS
        return True


@dataclass
class Memory:
    """The state of a drain process between blocks."""

    turns: Turns = field(default_factory=Turns)
    size: Size = field(default_factory=Size)
    failed: FailedRequests = field(default_factory=FailedRequests)
    poison: PoisonSchedule = field(default_factory=PoisonSchedule)


memory = Memory()


def forget() -> None:
    """Forget everything, for tests."""
    memory.turns, memory.size = Turns(), Size()
    memory.failed, memory.poison = FailedRequests(), PoisonSchedule()
