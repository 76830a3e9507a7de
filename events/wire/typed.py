"""Typed decoding and conversion by msgspec, safe from the first call on.

msgspec builds a description of a Struct when the type is first used, and stores it on the type. If two
threads use it first at the same time, the second reads an unfinished description and crashes. So types are
described here, at import, by one thread. Ruff forbids msgspec's own functions elsewhere.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def decoder(kind: type[T]) -> Callable[[bytes | str], T]:
    """Return a function that decodes JSON into `kind`. Call it at module level: it describes the type."""
    return msgspec.json.Decoder(kind).decode  # noqa: TID251


def converter(kind: type[T]) -> Callable[[object], T]:
    """Return a function that converts decoded JSON to `kind`. Call it at module level too."""
    msgspec.json.Decoder(kind)  # noqa: TID251  (describes it, and all types in it)
    return partial(msgspec.convert, type=kind)  # noqa: TID251


decode: Callable[[bytes | str], Any] = decoder(Any)
