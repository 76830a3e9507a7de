"""A field: a column of the envelope or of a kind, or a value below a column of JSON."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from django.db.models import Q

from events.fields.types import FieldType

MAX_STEPS = 100  # of a path: events aren't nested deeper (INGEST_MAX_DEPTH)
ANY_KEY, ANY_DEPTH = "*", "**"
_STEP = re.compile(r'"(?:[^"\\]|\\.)*"(?=\.|\Z)|[^.]+')


@dataclass(frozen=True)
class Field:
    """A field. An empty `kind` means the table that the vocabulary is about, for instance the envelope."""

    name: str
    type: FieldType
    column: str
    help_text: str
    kind: str = ""
    wire: tuple[str, ...] = ()  # dotted paths on the wire
    indexed: frozenset[str] = frozenset()  # operators that an index serves in the order of the list
    path: tuple[str, ...] = ()  # below a column of JSON
    condition: Callable[[tuple[Any, ...]], Q] | None = None  # on its values, where no column says it

    def below(self, steps: Iterable[str]) -> Self:
        """Return the field at a path below a column of JSON."""
        path = (*self.path, *steps)
        return replace(self, name=".".join((self.name, *steps)), path=path, indexed=frozenset())

    def value_in(self, row: Any) -> Any:
        """Return the value of a row: below JSON, a list of those in every member of a list."""
        stored = getattr(row, self.column)
        return _found_in(stored, self.path) if self.path else stored


def _found_in(stored: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path; lists on the way give a list of the values of their members."""
    found, is_many = [stored], False
    for step in path:
        is_many = is_many or step in (ANY_KEY, ANY_DEPTH) or any(isinstance(each, list) for each in found)
        members = [item for each in found for item in (each if isinstance(each, list) else [each])]
        found = [value for item in members for value in _below(item, step)]
    if is_many:
        return found
    return found[0] if found else None


def _below(item: Any, step: str) -> list[Any]:
    """Return the values of a member at a step."""
    if step == ANY_DEPTH:
        further = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        return [item, *(value for each in further for value in _below(each, step))]
    if not isinstance(item, dict):
        return []
    return list(item.values()) if step == ANY_KEY else [item[step]] if step in item else []


def split_path(name: str) -> tuple[str, ...]:
    """Return the steps of a dotted path. A step in quotes may contain dots, for instance `extra."a.b"`.

    Returns nothing for a path that has an empty step, or too many.
    """
    if name.count(".") > 4 * MAX_STEPS:
        return ()
    found = _STEP.findall(name)
    if ".".join(found) != name or len(found) > MAX_STEPS:
        return ()
    return tuple(_unquoted(step) for step in found)


def _unquoted(step: str) -> str:
    if len(step) < 2 or not (step[0] == step[-1] == '"'):
        return step
    try:
        return str(json.loads(step))
    except ValueError:
        return step
