"""Schemas of plain rows: `Schema.give` for tuples, with columns found by their place."""

from collections import defaultdict
from functools import cache
from typing import Any

from django.db import models

from events.event import Event
from events.kinds import KINDS
from events.store.plain_rows import plain_class
from events.wire.columns import Give, same
from events.wire.schema import Leaf, lay_over
from events.wire.values import Wire

# A key of an object, the place of its column in the tuple, and how it is given; None: as it is.
_Member = tuple[str, int, Give | None]


class PlainSchema:
    """The wire form of a kind's plain rows."""

    def __init__(self, kind: str) -> None:
        entry = KINDS[kind]
        self._envelope, self._own = plain_class(Event)._fields, plain_class(entry.model)._fields
        objects: dict[tuple[str, ...], tuple[list[_Member], list[_Member]]] = defaultdict(lambda: ([], []))
        for leaf in entry.schema.leaves:
            *above, key = leaf.path
            objects[tuple(above)][leaf.of_kind].append((key, self._place(leaf), _giver(leaf)))
        self._objects = [(above, of_event, own) for above, (of_event, own) in objects.items()]
        self.numbers = [
            self._own.index(column.attname)
            for column in entry.model.columns()
            if isinstance(column, models.FloatField)
        ]

    def _place(self, leaf: Leaf) -> int:
        names: tuple[str, ...] = self._own if leaf.of_kind else self._envelope
        return names.index(leaf.column)

    def give(self, event: Any, detail: Any, extra: Wire) -> dict[str, Wire]:
        """Rebuild the wire event from plain rows."""
        wire: dict[str, Wire] = {}
        for above, of_event, own in self._objects:
            found: dict[str, Wire] = {}
            for row, members in ((event, of_event), (detail, own)):
                for key, at, give in members:
                    value = row[at]
                    if give is not None and value is not None:
                        value = give(value)
                    if value is not None:
                        found[key] = value
            if found:
                place = wire
                for key in above:
                    place = place.setdefault(key, {})
                place.update(found)
        return lay_over(wire, extra) if extra else wire


def _giver(leaf: Leaf) -> Give | None:
    return None if leaf.give is same else leaf.give


plain_schema = cache(PlainSchema)
