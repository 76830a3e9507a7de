"""The search of lists of events: what a person typed, as a question to the envelopes."""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from django.db import models
from django.db.models import Func, OuterRef, Q, Subquery, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from events.event import EventQuerySet
from events.kinds import KINDS, KindEntry

HELP = "Id, session, actor, page, error code, key:value"
LARGEST = 2**53  # numbers that every column of numbers can be compared with
MAX_KEYS = 100  # of a dotted path: events aren't nested deeper (INGEST_MAX_DEPTH)


class Search(NamedTuple):
    """How to narrow envelopes, and whether an index gives what that leaves."""

    narrow: Callable[[Any], Any]
    is_indexed: bool


def search(events: EventQuerySet, term: str) -> Search | None:
    """What `term` means among events: an id of ours, else a session, else what has no index.

    None where nothing was typed.
    """
    term = term.strip()
    if not term:
        return None
    with suppress(ValueError):
        found = UUID(term)
        if events.filter(pk=found).exists():
            return Search(lambda rows: rows.filter(pk=found), is_indexed=True)
    if events.with_text("session", term).exists():
        return Search(lambda rows: rows.with_text("session", term), is_indexed=True)
    condition = Q(actor=term) | Q(device=term) | Q(client_event_id=term) | Q(object_id=term)
    condition |= _of_kinds(_texts_like(term)) | key_and_value(term)
    return Search(lambda rows: rows.filter(condition), is_indexed=False)


def key_and_value(term: str) -> Q:
    """Return `key:value` as a condition on columns and unknown keys; the value as text, and as JSON.

    The key may be a path with dots, or the end of one: `pageid`, `edata.pageid`.
    """
    path, colon, text = term.partition(":")
    path, text = path.strip(), text.strip()
    if not colon or not path or not text or path.count(".") >= MAX_KEYS:
        return Q()
    values: list[Any] = [text]
    with suppress(ValueError, RecursionError):
        value = json.loads(text, parse_constant=_refused)
        is_finite = not isinstance(value, float) or math.isfinite(value)
        values += [value] if is_finite and not isinstance(value, str) else []
    condition = _of_kinds(_column_with(path, values))
    for value in values:
        condition |= Q(extra__contains=_nested(path, value)) | Q(_somewhere(path, value))
    return condition


def _of_kinds(condition: Callable[[KindEntry], Q]) -> Q:
    """Return the events whose own row of their kind fulfils a condition; where it is empty none does.

    A scalar subquery: PostgreSQL would turn EXISTS into a hash of the kind's whole table.
    """
    found = Q()
    for entry in KINDS.values():
        if of_kind := condition(entry):
            rows = entry.model._default_manager.filter(of_kind, pk=OuterRef("pk"))
            is_one = Subquery(rows.values_list(Value(True)), output_field=models.BooleanField())
            found |= Q(kind=entry.name) & Q(Coalesce(is_one, Value(False)))
    return found


def _texts_like(term: str) -> Callable[[KindEntry], Q]:
    """Return the condition that any text column of a kind is the term."""

    def condition(entry: KindEntry) -> Q:
        texts = (column for column in entry.model.columns() if isinstance(column, models.TextField))
        return Q(*((column.attname, term) for column in texts), _connector=Q.OR)

    return condition


def _column_with(path: str, values: list[Any]) -> Callable[[KindEntry], Q]:
    """Return the condition that a column of a kind at a path, or the end of one, has one of the values."""

    def condition(entry: KindEntry) -> Q:
        found = Q()
        for leaf in entry.model.leaves():
            if leaf.of_kind and f".{leaf.dotted}".endswith(f".{path}"):
                column = entry.model._meta.get_field(leaf.column)
                fitting = [value for value in values if _fits(column, value)]
                found |= Q(**{f"{leaf.column}__in": fitting}) if fitting else Q()
        return found

    return condition


def _fits(column: Any, value: Any) -> bool:
    if isinstance(column, models.BooleanField):
        return isinstance(value, bool)
    if isinstance(column, models.FloatField | models.DecimalField | models.BigIntegerField):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return (
            is_number
            and abs(value) < LARGEST
            and (value == int(value) or isinstance(column, models.FloatField))
        )
    return isinstance(column, models.TextField) and isinstance(value, str)


def _somewhere(path: str, value: Any) -> Func:
    """Return whether unknown keys have, at any depth, a path with a value."""
    keys = "".join(f".{json.dumps(key, ensure_ascii=False)}" for key in path.split("."))
    return Func(
        models.F("extra"),
        RawSQL("%s::jsonpath", [f"$.**{keys} ? (@ == $value)"]),
        RawSQL("%s::jsonb", [json.dumps({"value": value}, ensure_ascii=False)]),
        Value(True),  # no error where types can't be compared
        function="jsonb_path_exists",
        output_field=models.BooleanField(),
    )


def _nested(path: str, value: Any) -> dict[str, Any]:
    *outer, last = path.strip().split(".")
    found: dict[str, Any] = {last: value}
    for key in reversed(outer):
        found = {key: found}
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
