"""Conditions as SQL: on envelopes, on rows of a kind, on lists, and on paths below JSON."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import F, Func, OuterRef, Q, Subquery, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Left
from django.db.models.lookups import Exact

from events.access import Access
from events.event import INDEXED
from events.fields.conditions import Condition, Conditions, Target
from events.fields.field import ANY_DEPTH, ANY_KEY, Field
from events.fields.types import CONTAINS, EXACT, IN, ISNULL, JSON, NAME, RANGE, TEXT, TEXTS
from events.identity import MILLISECOND, first_id
from events.kinds import KINDS
from events.store.versions import has_version
from events.wire.columns import NUMERIC

NOTHING = Q(pk__in=())
_NUMERIC = re.compile(NUMERIC, re.ASCII)
_LITERALS = ("true", "false", "null")
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def on_rows(conditions: Conditions, access: Access) -> Q:
    """Return the conditions on rows of the fields' own table."""
    found = Q()
    for condition in conditions.each:
        found &= _any(_on_row(target, condition.operator, access) for target in condition.targets)
    return found


def on_envelopes(conditions: Conditions, access: Access) -> Q:
    """Return the conditions on envelopes. Columns of kinds are looked up in the kinds' tables."""
    found = Q()
    for condition in conditions.each:
        found &= _on_envelope(condition, access)
    return found


def _on_envelope(condition: Condition, access: Access) -> Q:
    if not any(target.field.kind for target in condition.targets):
        return _any(_on_row(target, condition.operator, access) for target in condition.targets)
    # An event without a column has no value in it either.
    is_absence = condition.operator == ISNULL and condition.targets[0].values == (True,)
    by_kind: dict[str, list[Q]] = defaultdict(list)
    for target in condition.targets:
        asked = Target(target.field, (False,)) if is_absence else target
        by_kind[target.field.kind].append(_on_row(asked, condition.operator, access))
    found = _any(with_row_of(kind, _any(each)) if kind else _any(each) for kind, each in by_kind.items())
    return ~found if is_absence else found


def with_row_of(kind: str, condition: Q) -> Q:
    """Return the condition that an envelope has a row of a kind that meets a condition.

    A scalar subquery, because PostgreSQL would turn EXISTS into a hash of the kind's whole table.
    """
    rows = KINDS[kind].model._default_manager.filter(condition, pk=OuterRef("pk"))
    is_one = Subquery(rows.values_list(Value(True)), output_field=models.BooleanField())
    return Q(kind=kind) & Q(Coalesce(is_one, Value(False)))


def _any(conditions: Iterable[Q]) -> Q:
    found: Q | None = None
    for each in conditions:
        found = each if found is None else found | each
    return NOTHING if found is None else found


def _on_row(target: Target, operator: str, access: Access) -> Q:
    field, values = target.field, target.values
    column = "pk" if field.column == "id" else field.column
    if operator == ISNULL and not field.path:
        return Q(**{f"{column}__isnull": values[0]})
    is_version = field.name == "version" and not field.kind and operator in (EXACT, IN)
    if condition := has_version if is_version else field.condition:
        return condition(values)
    if field.type is JSON:
        return _in_json(field, operator, values)
    if field.type is NAME:
        values, operator = tuple(_named(field, values, access)), IN
    elif field.name == "occurred_at":
        return _occurred(operator, values[0])
    elif field.type is TEXTS:
        operator = "overlap"
    elif operator == EXACT and field.type is TEXT and field.indexed:
        # The index has the first characters only.
        start = Exact(Left(column, INDEXED), Value(values[0][:INDEXED]))
        return Q(start) & Q(**{column: values[0]})
    return Q(**{f"{column}__{operator}": list(values) if operator in (IN, "overlap") else values[0]})


def _named(field: Field, names: Iterable[str], access: Access) -> list[int]:
    """Return the keys of owners or sources with a name, among those that the reader may see."""
    by_name = access.owners_named if field.name == "owner" else access.sources_named
    return [key for name in names for key in by_name(name)]


def _occurred(operator: str, at: datetime) -> Q:
    """Return a range of ids, so that partitions are pruned. Ids hold whole milliseconds."""
    floor = at.astimezone(UTC)
    whole = floor.replace(microsecond=floor.microsecond // 1000 * 1000)
    this, following = first_id(whole), _following(whole)
    from_here = this if whole == floor else following
    if operator == EXACT:
        return Q(pk__gte=from_here, pk__lt=following)
    return {
        "gte": Q(pk__gte=from_here),
        "gt": Q(pk__gte=following),
        "lt": Q(pk__lt=from_here),
        "lte": Q(pk__lt=following),
    }[operator]


def _following(at: datetime) -> UUID:
    """Return the first id of the following millisecond."""
    try:
        return first_id(at + MILLISECOND)
    except OverflowError:
        return UUID(int=2**128 - 1)


def _in_json(field: Field, operator: str, values: tuple[Any, ...]) -> Q:
    """Return a condition on a path below JSON. Each member of a list on the way is compared."""
    path = "$" + "".join(_accessor(step) for step in field.path)
    if operator == ISNULL:
        exists = Coalesce(_path_exists(field.column, f'{path}.type() ? (@ != "null")', []), Value(False))
        return ~Q(exists) if values[0] else Q(exists)
    if operator == CONTAINS:
        pattern = json.dumps(values[0], ensure_ascii=False)
        return Q(_path_exists(field.column, f'{path} ? (@ like_regex {pattern} flag "q")', []))
    if operator in RANGE:
        sign = _SIGNS[operator]
        is_number = _NUMERIC.match(values[0]) is not None
        compared = f"@ {sign} $v || @.double() {sign} $v" if is_number else f"@ {sign} $v"
        literal = values[0] if is_number else json.dumps(values[0], ensure_ascii=False)
        return Q(_path_exists(field.column, f"{path} ? ({compared})", [literal], is_one=True))
    literals = [literal for value in values for literal in readings(value)]
    return Q(_path_exists(field.column, f"{path} ? (@ == $v[*])", literals))


def readings(text: str) -> list[str]:
    """Return a text as JSON: as text, and as number, true, false or null if it reads as one."""
    found = [json.dumps(text, ensure_ascii=False)]
    if text in _LITERALS or _NUMERIC.match(text):
        found.append(text)
    return found


def _accessor(step: str) -> str:
    return f".{step if step in (ANY_KEY, ANY_DEPTH) else json.dumps(step, ensure_ascii=False)}"


def _path_exists(column: str, path: str, literals: list[str], *, is_one: bool = False) -> Func:
    variables = literals[0] if is_one else f"[{', '.join(literals)}]"
    return Func(
        F(column),
        RawSQL("%s::jsonpath", [path]),
        RawSQL("%s::jsonb", [f'{{"v": {variables}}}']),
        Value(True),  # no error if types can't be compared
        function="jsonb_path_exists",
        output_field=models.BooleanField(),
    )
