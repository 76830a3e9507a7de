"""Silent: sources that sent events in the period before and none in this one."""

from collections.abc import Mapping
from dataclasses import dataclass

FEW = 10  # events; a source that sends fewer may well be silent for a while


@dataclass(frozen=True, slots=True)
class Silent:
    """A source, and what it sent before."""

    source: int
    before: int


def silent(now: Mapping[int, int], before: Mapping[int, int]) -> tuple[Silent, ...]:
    """Given the events of each source, the one that sent most first."""
    return tuple(
        Silent(source, events) for source, events in before.items() if events >= FEW and source not in now
    )
