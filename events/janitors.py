"""Janitors: functions that remove expired data every hour.

A part of Tally registers its janitor with `janitor`, in a module that its app imports in `ready`. The failure
of one is logged and doesn't affect the others.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from importlib import import_module
from logging import Logger, getLogger
from typing import TypeVar

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

from events import export_job
from events.accounts import throttle

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


@janitor("log-in sessions")
def _sessions(_: datetime) -> None:
    """Remove log-in sessions that have expired, as `manage.py clearsessions` does."""
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    store.clear_expired()


@janitor("log-in attempts")
def _attempts(now: datetime) -> None:
    throttle.forget_old(now)


@janitor("exports")
def _exports(now: datetime) -> None:
    export_job.remove_expired(now)
