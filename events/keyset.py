"""Keyset: pages cut from an order by keys. A page is what comes after a key, so no COUNT and no OFFSET.

One row more than the page has tells whether there are others; how many there are in all is never asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet


class UnknownKey(ValueError):
    """Values that no row of that order can have."""


@dataclass(frozen=True)
class Order:
    """An order of rows. The last key is unique; a descending order is descending in every key."""

    keys: tuple[str, ...]
    descending: bool = False

    def key_of(self, row: Model) -> list[str]:
        """The place of a row, as text."""
        return [str(getattr(row, key)) for key in self.keys]


@dataclass(frozen=True)
class Slice:
    """The rows of a page, with the rows from which its neighbours go on; None where there is no neighbour."""

    rows: list[Any]
    next: Any = None
    previous: Any = None


def cut(
    rows: QuerySet[Any], order: Order, size: int, *, key: Sequence[str] = (), backward: bool = False
) -> Slice:
    """The page of `size` rows after `key`, or `backward` the one before it. Raises `UnknownKey`."""
    descending = order.descending != backward
    sign = "-" if descending else ""
    try:
        if key:
            rows = rows.filter(after(order.keys, key, descending=descending))
        found = list(rows.order_by(*(f"{sign}{name}" for name in order.keys))[: size + 1])
    except (ValidationError, ValueError, DataError, OverflowError) as error:
        raise UnknownKey(", ".join(key)) from error
    has_more, found = len(found) > size, found[:size]
    if backward:
        found.reverse()
    return Slice(
        found,
        next=found[-1] if found and (backward or has_more) else None,
        previous=found[0] if found and key and (not backward or has_more) else None,
    )


def after(keys: Sequence[str], values: Sequence[Any], *, descending: bool, with_it: bool = False) -> Q:
    """What comes after `values` in the order of `keys`; `with_it` the row that has them too.

    The first key bounds the index scan; the rest decides among rows that are equal in it.
    """
    if len(keys) != len(values):
        raise ValueError(f"{len(values)} values for {len(keys)} keys")
    lookup = "lt" if descending else "gt"
    first, *rest = keys
    if not rest:
        return Q(**{f"{first}__{lookup}{'e' if with_it else ''}": values[0]})
    beyond = Q(**{f"{first}__{lookup}": values[0]}) | after(
        rest, values[1:], descending=descending, with_it=with_it
    )
    return Q(**{f"{first}__{lookup}e": values[0]}) & beyond
