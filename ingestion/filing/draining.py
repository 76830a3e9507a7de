"""How long a drain goes on, and when it asks another worker to join."""

import time
from collections.abc import Callable

from django.conf import settings

from ingestion.filing.drain import drain_block
from ingestion.filing.pipeline import Drained

TICK_SECONDS = 10.0  # after that the task ends, so that a worker told to stop needn't be killed


def tick(*, call_for_help: Callable[[], object]) -> Drained:
    """File blocks until none is left or the time is up; ask for a second drain once a block was full."""
    until = time.monotonic() + TICK_SECONDS
    total = Drained()
    called = False
    while time.monotonic() < until:
        block = drain_block()
        total += block
        if not block.requests:
            break
        if not called and is_full(block):
            called = True
            call_for_help()
    return total


def is_full(block: Drained) -> bool:
    """Whether the block met one of its bounds, so that more is likely to wait."""
    events = block.stored + block.duplicates + block.rejected
    many_requests: bool = block.requests >= settings.DRAIN_BLOCK_REQUESTS
    return many_requests or bool(events >= settings.DRAIN_BLOCK_EVENTS // 2)
