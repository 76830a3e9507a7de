"""The kinds of event, one module each: a Django model that is also the schema of the wire form.

To add a kind, add a file here and a migration. This module imports every file of the folder and compiles its
declarations. Validator, store, admin and API use the registry `KINDS`.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from typing import NamedTuple

from events.kinds.base import AvailityKind, BuildlessKind, Kind, SunbirdKind
from events.wire import validators
from events.wire.schema import Schema, Soft
from events.wire.validators import Validator


class Held(NamedTuple):
    """The validator of an event, and the fields whose absence causes a warning."""

    validator: Validator
    soft: tuple[Soft, ...]


@dataclass(frozen=True)
class KindEntry:
    """A kind: its model, its compiled wire form, and its validators."""

    name: str
    model: type[Kind]
    schema: Schema
    lenient: Held
    strict: Held | None  # None if no reference pipeline exists
    by_encoding: dict[str, Held]  # encodings with different hard fields

    def held(self, *, strict: bool, encoding: str) -> Held:
        """Return the validation of events received in `encoding`."""
        if strict and self.strict:
            return self.strict
        return self.by_encoding.get(encoding, self.lenient)


def _entry(model: type[Kind]) -> KindEntry:
    schema = Schema(model.dialect.name, model.name(), model.leaves(), model.root(), model.watches)
    return KindEntry(
        name=schema.kind,
        model=model,
        schema=schema,
        lenient=Held(validators.lenient(schema, model.rules), schema.soft()),
        strict=_strict(schema, model),
        by_encoding={
            encoding: Held(
                validators.lenient(schema, model.rules, hard),
                schema.soft(hard, model.unsendable_by_encoding.get(encoding, frozenset())),
            )
            for encoding, hard in model.hard_by_encoding.items()
        },
    )


def _strict(schema: Schema, model: type[Kind]) -> Held | None:
    if not issubclass(model, SunbirdKind):
        return None
    return Held(validators.strict(schema, model.rules, model.closed_paths()), schema.soft())


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

KINDS = {
    entry.name: entry
    for base in (AvailityKind, SunbirdKind, BuildlessKind)
    for entry in map(_entry, base.__subclasses__())
}
