"""Filters of the API: by the vocabulary of fields, and the few of lists that have a fixed form."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django_filters.fields import IsoDateTimeField
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from events.access import Access, Person
from events.api.problems import BadParameter
from events.fields.conditions import Conditions, Parsed, parse
from events.fields.field import Field
from events.fields.types import EXACT
from events.fields.vocabulary import SEPARATOR, Vocabulary
from events.lib import times

# In OpenAPI, one parameter stands for all filters that aren't listed one by one.
FURTHER = "filters"


class FieldFilters(BaseFilterBackend):
    """Filters of a list by the fields of the view's vocabulary, see `events/fields/`."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Return the rows, or the query, that meets the conditions. Raises `BadParameter`."""
        if view.detail:
            return queryset
        return view.matching(queryset, conditions_of(request, view.vocabulary))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Return the parameters for OpenAPI: one for each column, and one for all that remains."""
        return described(view.vocabulary, getattr(view, "kind", ""))


def described(vocabulary: Vocabulary, kind: str = "") -> list[dict[str, Any]]:
    """Return the filters of a vocabulary for OpenAPI, without the columns of other kinds."""
    own = ((name, fields) for name, fields in vocabulary if fields[0].kind in ("", kind))
    found = [_described(name, fields) for name, fields in own]
    found += [_shorthand(vocabulary, name) for name in vocabulary.shorthands]
    return [*found, _further()]


def conditions_of(request: Request, vocabulary: Vocabulary) -> Conditions:
    """Return the conditions of a request. Raises `BadParameter`."""
    return checked(parse(vocabulary, ((name, str(text)) for name, text in request.query_params.items())))


def checked(parsed: Parsed) -> Conditions:
    """Return the conditions that were read. Raises `BadParameter` with the errors."""
    if parsed.errors:
        raise BadParameter("bad_parameter", parsed.errors)
    return parsed.conditions


def _described(name: str, fields: tuple[Field, ...]) -> dict[str, Any]:
    first = fields[0]
    operators = [f"`{SEPARATOR}{each}`" for each in first.type.operators if each != EXACT]
    found = [first.help_text or name.replace("_", " ").capitalize() + "."]
    found += [f"Also with {', '.join(operators)}."] if operators else []
    found.append(_cost(first))
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": dict(first.type.schema),
        "description": " ".join(found),
    }


def _cost(field: Field) -> str:
    if not field.indexed:
        return "Scanned."
    others = [f"`{SEPARATOR}{each}`" for each in field.type.operators if each not in field.indexed]
    return f"Indexed, but {', '.join(others)} scanned." if others else "Indexed."


def _shorthand(vocabulary: Vocabulary, parameter: str) -> dict[str, Any]:
    name, operator = vocabulary.shorthands[parameter]
    (field, *_) = vocabulary.find(name)
    return {
        "name": parameter,
        "in": "query",
        "required": False,
        "schema": dict(field.type.schema),
        "description": f"The same as `{name}{SEPARATOR}{operator}`.",
    }


def _further() -> dict[str, Any]:
    return {
        "name": FURTHER,
        "in": "query",
        "required": False,
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        "description": (
            "All other filters, each a parameter of its own: a field with an operator, such as"
            " `object_type__in=Course,Content`; a member of a list of objects, `correlation.id=batch-5`;"
            " a path of unknown keys, `extra.edata.shoeSize__gte=42`; a path on the wire,"
            " `edata.pageid=home`; on `events/`, also the columns of all kinds."
        ),
    }


def choices(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return names as choices of a filter."""
    return [(name, name) for name in names]


class TimeField(IsoDateTimeField):
    """A time in ISO 8601, with an error that says what to write."""

    def to_python(self, value: object) -> datetime | None:
        """Return the time; None for an empty text. Raises ValidationError."""
        if not isinstance(value, str) or not value.strip():
            return None
        try:
            return times.parse_time(value)
        except ValueError as error:
            raise ValidationError(f"{error}.", code="invalid") from error


class TimeFilter(django_filters.IsoDateTimeFilter):
    """Filter by a time."""

    field_class = TimeField


class OwnedFilter(django_filters.FilterSet):
    """Filters for all rows with an owner and a source: by name, among those that the reader may see."""

    owner = django_filters.CharFilter(method="by_owner", help_text="Name of the owner, in any case.")
    source = django_filters.CharFilter(method="by_source", help_text="Name of the source, in any case.")

    @property
    def reader(self) -> Person:
        """The user or key that sent the request."""
        assert self.request is not None, "filters are made by views"
        return self.request.user

    def by_owner(self, rows: QuerySet[Model], _: str, name: str) -> QuerySet[Model]:
        """Filter by the name of a visible owner."""
        return rows.filter(owner_id__in=Access(self.reader).owners_named(name))

    def by_source(self, rows: QuerySet[Model], _: str, name: str) -> QuerySet[Model]:
        """Filter by the name of a source."""
        return rows.filter(source_id__in=Access(self.reader).sources_named(name))
