"""Vocabularies: the fields that a name means, derived from the declarations of envelope and kinds.

A name is that of a column (`object_id`), a path on the wire (`object.id`, `edata.pageid`), or a path below a
column of JSON: a member of a list of objects (`correlation.id`, `items.obj.id`), or an unknown key
(`extra.edata.shoeSize`). Several fields may share a name: `pageid` is a column of many kinds.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from django.db import models
from django.db.models import Q

from events.event import Event
from events.fields.field import Field, split_path
from events.fields.types import EXACT, IN, JSON, OPERATORS, RANGE, FieldType, one_of, type_of
from events.kinds import KINDS
from events.wire.dialects import DIALECTS
from events.wire.values import is_unstorable

SEPARATOR = "__"  # between a name and an operator


class Vocabulary:
    """The fields of one list. Names of earlier fields hide equal names of later ones of other tables.

    `shorthands` are parameters with a fixed operator, such as `occurred_after`.
    """

    def __init__(
        self,
        *groups: Iterable[Field],
        shorthands: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.shorthands = dict(shorthands or {})
        self._by_name: dict[str, tuple[Field, ...]] = {}
        self._by_wire: dict[str, tuple[Field, ...]] = {}
        for group in groups:
            names: dict[str, list[Field]] = defaultdict(list)
            for field in group:
                names[field.name].append(field)
                for path in field.wire:
                    self._by_wire[path] = (*self._by_wire.get(path, ()), field)
            for name, fields in names.items():
                self._by_name.setdefault(name, tuple(fields))

    def __iter__(self) -> Iterator[tuple[str, tuple[Field, ...]]]:
        """Yield all names of columns with their fields."""
        return iter(self._by_name.items())

    def find(self, name: str) -> tuple[Field, ...]:
        """Return the fields that a name means; none for an unknown one."""
        if name in self._by_name:
            return self._by_name[name]
        steps = split_path(name)
        if not steps or is_unstorable(name):
            return ()
        found = list(self._by_wire.get(name, ()))
        for cut in range(1, len(steps)):
            head = ".".join(steps[:cut])
            above = (*self._by_name.get(head, ()), *self._by_wire.get(head, ()))
            found += [field.below(steps[cut:]) for field in above if field.type is JSON]
        return tuple(dict.fromkeys(found))

    def ends_with(self, name: str) -> tuple[Field, ...]:
        """Return the fields whose path on the wire is a path, or ends with it."""
        ending = f".{name}"
        found = [
            field for path, fields in self._by_wire.items() if f".{path}".endswith(ending) for field in fields
        ]
        return tuple(dict.fromkeys(found))

    @staticmethod
    def split(parameter: str) -> tuple[str, str]:
        """Return the name and the operator of a parameter."""
        name, separator, operator = parameter.rpartition(SEPARATOR)
        return (name, operator) if separator and operator in OPERATORS else (parameter, EXACT)

    def read(self, parameter: str) -> tuple[tuple[Field, ...], str]:
        """Return the fields and the operator of a parameter; no fields for an unknown one."""
        if parameter in self.shorthands:
            name, operator = self.shorthands[parameter]
            return self.find(name), operator
        name, operator = self.split(parameter)
        return tuple(field for field in self.find(name) if operator in field.type.operators), operator

    def parameters(self) -> list[str]:
        """Return all parameters that can be listed: those of columns, not those of paths below JSON."""
        listed = [
            name if operator == EXACT else f"{name}{SEPARATOR}{operator}"
            for name, fields in self
            for operator in OPERATORS
            if any(operator in field.type.operators for field in fields)
        ]
        return [*listed, *self.shorthands]


def fields_of(
    columns: Iterable[models.Field[Any, Any]],
    *,
    kind: str = "",
    wire: Mapping[str, Iterable[str]] | None = None,
    indexed: Mapping[str, Iterable[str]] | None = None,
    types: Mapping[str, FieldType] | None = None,
) -> list[Field]:
    """Return the fields of columns. `types` has those that a column's class doesn't tell."""
    return [
        Field(
            name=column.name,
            type=(types or {}).get(column.name) or type_of(column),
            column=column.attname,
            help_text=str(column.help_text),
            kind=kind,
            wire=tuple((wire or {}).get(column.name, ())),
            indexed=frozenset((indexed or {}).get(column.name, ())),
            condition=_bots if column.name == "is_bot" else None,
        )
        for column in columns
    ]


def _bots(values: tuple[Any, ...]) -> Q:
    """Return the condition on bots. Rows without a user agent aren't from bots."""
    return Q(is_bot=True) if values[0] else ~Q(is_bot=True)


NAMED = {"kind": one_of(KINDS), "dialect": one_of(DIALECTS)}
# See docs/decisions/041: filters that no index serves search a bounded number of rows.
_INDEXED = {
    "id": (EXACT, IN, *RANGE),
    "occurred_at": (*RANGE, EXACT),
    "owner": (EXACT, IN),
    "session": (EXACT,),
}
_SHORTHANDS = {
    "occurred_after": ("occurred_at", "gte"),
    "occurred_before": ("occurred_at", "lt"),
    "received_after": ("received_at", "gte"),
    "received_before": ("received_at", "lt"),
}


def _envelope() -> list[Field]:
    wire: dict[str, list[str]] = defaultdict(list)
    for dialect in DIALECTS.values():
        for leaf in dialect.envelope:
            wire[leaf.column].append(leaf.dotted)
    return fields_of(Event._meta.concrete_fields, wire=wire, indexed=_INDEXED, types=NAMED)


def _of_kind(kind: str) -> list[Field]:
    model = KINDS[kind].model
    wire = {column.name: [".".join((*model.root(), column.path))] for column in model.columns()}
    return fields_of((*model.columns(), *model.computed()), kind=kind, wire=wire)


@cache
def of_events() -> Vocabulary:
    """Return the vocabulary of events of all kinds: the envelope's columns, then those of the kinds."""
    return Vocabulary(
        _envelope(), [field for kind in KINDS for field in _of_kind(kind)], shorthands=_SHORTHANDS
    )


@cache
def of_kind(kind: str) -> Vocabulary:
    """Return the vocabulary of events of one kind: the kind's columns, then those of the envelope."""
    return Vocabulary(_of_kind(kind), _envelope(), shorthands=_SHORTHANDS)
