"""Janitors: functions that remove expired data every hour.

A module registers its function with `janitor`; its app imports the module in `ready`. If one fails, the
failure is logged and the others still run.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from logging import Logger, getLogger
from typing import TypeVar

log = getLogger(__name__)
Item = TypeVar("Item")
JANITORS: dict[str, Callable[[datetime], object]] = {}


def janitor(name: str) -> Callable[[Callable[[datetime], object]], Callable[[datetime], object]]:
    """Register a function that removes the data expired at a time."""

    def register(clean: Callable[[datetime], object]) -> Callable[[datetime], object]:
        JANITORS[name] = clean
        return clean

    return register


def clean_all(now: datetime) -> list[str]:
    """Run all janitors, and return the names of those that failed."""
    return for_each(JANITORS, lambda name: JANITORS[name](now), log, "A janitor failed")


def for_each(items: Iterable[Item], work: Callable[[Item], object], log: Logger, message: str) -> list[Item]:
    """Call `work` for each item. Failures are logged; the other items still run. Returns the failed items."""
    failed: list[Item] = []
    for item in items:
        try:
            work(item)
        except Exception:
            log.exception(message, extra={"item": str(item)})
            failed.append(item)
    return failed
