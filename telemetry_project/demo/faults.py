"""Faults of senders: one event in about a hundred is one that no rule can let pass."""

from collections.abc import Callable
from typing import Any

Wire = Any
EVERY = 110
FIRST = 35  # so that a small demo has some


def _unknown_kind(event: dict[str, Wire]) -> None:
    event["eid"] = "SCROLLED"


def _no_type(event: dict[str, Wire]) -> None:
    event["edata"] = {key: value for key, value in event["edata"].items() if key != "type"}
    event["eid"] = "INTERACT"


def _no_mid(event: dict[str, Wire]) -> None:
    del event["mid"]


def _old_clock(event: dict[str, Wire]) -> None:
    """A device whose battery ran out believes that it is 2010."""
    event["ets"] = 1_262_304_000_000 + event["ets"] % 1_000_000


def _no_edata(event: dict[str, Wire]) -> None:
    event["edata"] = "lost"


SUNBIRD: tuple[Callable[[dict[str, Wire]], None], ...] = (
    _unknown_kind,
    _no_type,
    _no_mid,
    _no_type,
    _old_clock,
    _no_edata,
)


def is_spoilt(turn: int) -> bool:
    """Whether the event of this number is a faulty one."""
    return turn % EVERY == FIRST


def spoil(event: dict[str, Wire], turn: int) -> None:
    """Give a Sunbird event the fault whose turn it is."""
    SUNBIRD[turn // EVERY % len(SUNBIRD)](event)
