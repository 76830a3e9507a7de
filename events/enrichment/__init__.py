"""Enrichment: what is known of an event beyond what its sender said. Pure functions, one file each.

Each step takes the event taken apart and what the request said of it, and fills columns of the envelope. It
runs before the row is written, so a row is written once.
"""

from collections.abc import Callable, Mapping

from events.enrichment import buildless, time_hash
from events.wire.schema import Taken

Step = Callable[[Taken, Mapping[str, str]], None]

STEPS: tuple[Step, ...] = (buildless.identify, time_hash.add)


def enrich(taken: Taken, context: Mapping[str, str]) -> None:
    """Run all steps, in order."""
    for step in STEPS:
        step(taken, context)
