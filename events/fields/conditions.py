"""Conditions on rows, parsed from parameters once. `sql.py` turns them into SQL."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from events.fields.field import Field
from events.fields.vocabulary import Vocabulary


@dataclass(frozen=True)
class Target:
    """A field with the values that it is compared with."""

    field: Field
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Condition:
    """A condition that one of the targets meets."""

    parameter: str
    operator: str
    targets: tuple[Target, ...]

    @property
    def is_indexed(self) -> bool:
        """True if an index serves it in the order of the list."""
        return all(self.operator in target.field.indexed for target in self.targets)

    def is_about(self, *names: str) -> bool:
        """True if it is about one of these columns of the envelope."""
        return any(target.field.name in names and not target.field.kind for target in self.targets)

    def of_kind(self, kind: str) -> bool:
        """True if it is about the kind's own columns only."""
        return all(target.field.kind == kind for target in self.targets)


@dataclass(frozen=True)
class Conditions:
    """Conditions that all must be met."""

    each: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        """True if there are any."""
        return bool(self.each)

    @property
    def kinds(self) -> frozenset[str] | None:
        """The kinds that are selected; None for all."""
        chosen = [
            frozenset(target.values)
            for condition in self.each
            for target in condition.targets
            if target.field.name == "kind" and not target.field.kind
        ]
        return frozenset.intersection(*chosen) if chosen else None

    def about(self, *names: str) -> "Conditions":
        """Return the conditions about these columns of the envelope."""
        return Conditions(tuple(each for each in self.each if each.is_about(*names)))

    def without(self, *names: str) -> "Conditions":
        """Return all other conditions."""
        return Conditions(tuple(each for each in self.each if not each.is_about(*names)))

    @property
    def indexed(self) -> "Conditions":
        """The conditions that can use an index."""
        return Conditions(tuple(each for each in self.each if each.is_indexed))

    @property
    def scanned(self) -> "Conditions":
        """The conditions that can't use an index."""
        return Conditions(tuple(each for each in self.each if not each.is_indexed))

    def split(self, kind: str) -> tuple["Conditions", "Conditions"]:
        """Return the conditions on the kind's own columns, and all others."""
        own = tuple(each for each in self.each if each.of_kind(kind))
        return Conditions(own), Conditions(tuple(each for each in self.each if each not in own))


@dataclass
class Parsed:
    """The conditions of parameters, and the errors of invalid values, as sentences."""

    conditions: Conditions = Conditions()
    errors: dict[str, list[str]] = field(default_factory=dict)


def parse(vocabulary: Vocabulary, parameters: Iterable[tuple[str, str]]) -> Parsed:
    """Parse parameters. An empty value is no condition; the caller refuses unknown names."""
    parsed = Parsed()
    found = []
    for parameter, text in parameters:
        fields, operator = vocabulary.read(parameter)
        if fields and text and (condition := _condition(parameter, operator, fields, text, parsed)):
            found.append(condition)
    kinds = Conditions(tuple(found)).kinds
    if kinds:
        found = [_of_kinds(each, kinds, parsed) for each in found]
    parsed.conditions = Conditions(tuple(found))
    return parsed


def _condition(
    parameter: str, operator: str, fields: tuple[Field, ...], text: str, parsed: Parsed
) -> Condition | None:
    """Return the condition, on the fields that can have the value; None if there is no such field."""
    targets, errors = [], []
    for each in fields:
        try:
            targets.append(Target(each, each.type.values(operator, text)))
        except ValueError as error:
            errors.append(str(error))
    if not targets:
        parsed.errors[parameter] = list(dict.fromkeys(errors))
        return None
    return Condition(parameter, operator, tuple(targets))


def _of_kinds(condition: Condition, kinds: frozenset[str], parsed: Parsed) -> Condition:
    """Return the condition without the columns of other kinds than those selected."""
    targets = tuple(
        target for target in condition.targets if not target.field.kind or target.field.kind in kinds
    )
    if not targets:
        parsed.errors[condition.parameter] = [f"No such field in events of {', '.join(sorted(kinds))}."]
        return condition
    return replace(condition, targets=targets)
