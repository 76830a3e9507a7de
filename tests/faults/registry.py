"""The registry of faults, each of which is injected and then healed by the tests and `make test-faults`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faults.stack import Stack
from tests.faults.traffic import Traffic

OUTAGE_SECONDS = 1.5


@dataclass
class Scene:
    """What a fault acts on.

    `poison` are bodies that must each become one rejected event; `notes` are measurements for the report.
    """

    stack: Stack
    traffic: Traffic
    poison: list[bytes] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """A context manager that injects the fault on entry and heals it on exit."""

    name: str
    about: str
    broken: Callable[[Scene], Any]


FAULTS: dict[str, Fault] = {}


def fault(function: Callable[[Scene], Iterator[None]]) -> Callable[[Scene], Iterator[None]]:
    """Register a fault by the function's name and the first line of its docstring."""
    name = function.__name__
    FAULTS[name] = Fault(name, (function.__doc__ or "").partition("\n")[0], contextmanager(function))
    return function
