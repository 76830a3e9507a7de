"""Search by a field: the term `name:value`, where the name may also be the end of a path on the wire.

`edata.pageid:home`, `pageid:home`, `kind:error` and `duration__gte:2` are read as parameters of a list are.
Unknown keys are found at any depth: `metric1:1` finds what `extra.edata.metric1:1` finds.
"""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.db.models import Q

from events.access import Access
from events.fields import vocabulary
from events.fields.conditions import Condition, Conditions, Target
from events.fields.field import ANY_DEPTH, split_path
from events.fields.sql import on_envelopes
from events.fields.types import EXACT, ISNULL
from events.wire.values import is_unstorable


def by_name(term: str, access: Access) -> Q | None:
    """Return the condition on envelopes that a term means; None if it names no field or has no value."""
    name, colon, text = (part.strip() for part in term.partition(":"))
    if not colon or not name or not text or is_unstorable(term):
        return None
    names = vocabulary.of_events()
    found, operator = names.read(name)
    path, _ = names.split(name)
    targets = []
    for field in dict.fromkeys((*found, *names.ends_with(path), *_anywhere(path))):
        is_foreign = operator == ISNULL and field not in found
        if operator in field.type.operators and not is_foreign:
            with suppress(ValueError):
                targets.append(Target(field, field.type.values(operator, text)))
    condition = Q()
    if targets:
        condition = on_envelopes(Conditions((Condition(name, operator, tuple(targets)),)), access)
    return condition | _whole(path, text) if operator == EXACT else condition or None


def _anywhere(path: str) -> Any:
    """Yield the field of unknown keys with a path, below any others."""
    steps = split_path(path)
    if steps:
        (extra,) = vocabulary.of_events().find("extra")
        yield replace(extra, path=(ANY_DEPTH, *steps))


def _whole(path: str, text: str) -> Q:
    """Return the condition that a list or an object at a path of unknown keys contains one."""
    value: Any = None
    with suppress(ValueError, RecursionError):
        value = json.loads(text, parse_constant=_refused)
    if not isinstance(value, list | dict):
        return Q()
    for key in reversed(split_path(path)):
        value = {key: value}
    return Q(extra__contains=value)


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
