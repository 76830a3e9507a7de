"""Typed decoding and conversion by msgspec, safe from the first call on.

msgspec describes a Struct for itself when the type is first used, and keeps the description on the type. Two
threads that are first at the same time crash: the second reads what the first hasn't finished. So types are
described here, where a module is imported, by one thread. Ruff refuses msgspec's own functions elsewhere.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def decoder(kind: type[T]) -> Callable[[bytes | str], T]:
    """Return a function that decodes JSON into `kind`. For module level: each call describes the type."""
    return msgspec.json.Decoder(kind).decode  # noqa: TID251


def converter(kind: type[T]) -> Callable[[Any], T]:
    """Return a function that converts decoded JSON to `kind`. For module level, as above."""
    msgspec.json.Decoder(kind)  # noqa: TID251  (describes it, and all types in it)
    return partial(msgspec.convert, type=kind)  # noqa: TID251


decode: Callable[[bytes | str], Any] = decoder(Any)
