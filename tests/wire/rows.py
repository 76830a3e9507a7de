"""Simulates storing a decomposed event without a database, so that it can be reassembled."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from events.kinds import KINDS, KindEntry
from events.wire import values
from events.wire.schema import Taken

Wire = Any


class Row:
    """A row with its columns as attributes. Unset columns are null."""

    def __init__(self, **columns: Any) -> None:
        self.__dict__.update(columns)

    def __getattr__(self, name: str) -> None:
        return None


class Named:
    """An owner's or source's row."""

    def __init__(self, name: str) -> None:
        self.name = name


def through_jsonb(value: Wire) -> Wire:
    """Return a value as jsonb returns it: numbers are decimals, so 1e22 is written out and -0 becomes 0."""
    return _decoded(json.dumps(value), _as_jsonb_writes)


def exact(value: Wire) -> Wire:
    """Return a form that is equal if and only if the JSON values are: 1.0 equals 1, but true doesn't."""
    return _decoded(json.dumps(value), lambda text: ("number", Decimal(text)))


def _decoded(text: str, number: Any) -> Wire:
    return json.loads(text, parse_float=number, parse_int=number)


def _as_jsonb_writes(text: str) -> float:
    written = f"{Decimal(text):f}"
    if not Decimal(written):
        written = written.removeprefix("-")
    return float(written) if "." in written else int(written)


def give_back(kind: str, taken: Taken, adaptations: Sequence[str] = ()) -> dict[str, Wire]:
    """Reassemble the event from rows as the database returns them."""
    entry = KINDS[kind]
    envelope = _stored_envelope(taken.envelope)
    detail = {name: _stored(entry, name, value) for name, value in taken.kind.items()}
    event = entry.schema.give(Row(**envelope), Row(**detail), through_jsonb(taken.extra))
    return values.undo(values.from_store(event, adaptations), adaptations)


def _stored_envelope(columns: dict[str, Any]) -> dict[str, Any]:
    stored = {name: through_jsonb(value) if type(value) is list else value for name, value in columns.items()}
    # Every event has a source and an owner; a source without a name has one in brackets.
    stored["source"] = Named(columns.get("source") or "(none)")
    stored["owner"] = Named(columns.get("owner") or "Team of the key")
    return stored


def _stored(entry: KindEntry, name: str, value: Any) -> Any:
    column = entry.model._meta.get_field(name)
    if isinstance(column, models.JSONField):
        return through_jsonb(value)
    held = next(plain for field, plain in PLAIN.items() if isinstance(column, field))
    assert value is None or isinstance(value, held), f"{name} can't hold {value!r}"
    return value


# Types that each column of a kind's table accepts.
PLAIN: dict[type, type] = {
    models.TextField: str,
    models.FloatField: float,
    models.BigIntegerField: int,
    models.DecimalField: Decimal,
    models.BooleanField: bool,
    models.DateTimeField: datetime,
    ArrayField: list,
}
