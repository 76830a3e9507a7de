"""Filters of the kinds: those of the envelope, and those that the kind's own columns make."""

from functools import cache
from typing import Any

import django_filters
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import QuerySet

from events.access import Access
from events.api.filters import INDEXED, OF_TIME, EnvelopeFilter, TimeFilter, in_time
from events.event import Event
from events.kinds import KINDS
from events.walk import Question


class _TextIn(django_filters.BaseInFilter, django_filters.CharFilter):
    """One of several texts, with commas between."""


class _NumberIn(django_filters.BaseInFilter, django_filters.NumberFilter):
    """One of several numbers, with commas between."""


class _Having(django_filters.CharFilter):
    """A list that has a text in it."""

    def filter(self, qs: Any, value: Any) -> Any:
        """The rows whose list has it."""
        return qs.filter(**{f"{self.field_name}__contains": [value]}) if value else qs


_NUMERIC = (
    ("exact", django_filters.NumberFilter, "Equal to this."),
    ("in", _NumberIn, "Equal to one of these, with commas between."),
    ("gte", django_filters.NumberFilter, "This or more."),
    ("lte", django_filters.NumberFilter, "This or less."),
)
# Lookup, filter and meaning for each type of column; what is kept as JSON has none.
LOOKUPS: dict[type[models.Field[Any, Any]], tuple[tuple[str, Any, str], ...]] = {
    models.TextField: (
        ("exact", django_filters.CharFilter, "Equal to this."),
        ("in", _TextIn, "Equal to one of these, with commas between."),
        ("contains", django_filters.CharFilter, "With this in it, in this case."),
    ),
    models.FloatField: _NUMERIC,
    models.BigIntegerField: _NUMERIC,
    models.DecimalField: _NUMERIC,
    ArrayField: (("contains", _Having, "With this text among them."),),
    models.BooleanField: (("exact", django_filters.BooleanFilter, "true or false."),),
    models.DateTimeField: (
        ("gte", TimeFilter, "At this time or later."),
        ("lt", TimeFilter, "Before this time."),
    ),
}


class KindFilter(EnvelopeFilter):
    """Sorts what is asked into the kind's own table and the envelope; see `walk`."""

    def filter_queryset(self, queryset: QuerySet[Any]) -> Any:
        """The question, where base classes have rows."""
        owners = Access(self.reader).visible
        rows = paced = queryset
        envelopes: Any = Event.objects.for_owners(owners)
        indexed = envelopes
        for name, value in self.form.cleaned_data.items():
            if name not in EnvelopeFilter.base_filters:
                rows = self.filters[name].filter(rows, value)
                continue
            envelopes = self.filters[name].filter(envelopes, value)
            if name in INDEXED:
                indexed = self.filters[name].filter(indexed, value)
            if name in OF_TIME:
                paced, rows = (in_time(each, name, value) for each in (paced, rows))
        return Question(rows, paces=(paced, indexed), beside=envelopes)


def _filters_of(model: Any) -> dict[str, Any]:
    """The filters of a kind's own columns."""
    return {
        column.attname if lookup == "exact" else f"{column.attname}__{lookup}": filter_class(
            field_name=column.attname, lookup_expr=lookup, help_text=f"{column.help_text} {meaning}"
        )
        for column in (*model.columns(), *model.computed())
        for kind, lookups in LOOKUPS.items()
        if isinstance(column, kind)
        for lookup, filter_class, meaning in lookups
    }


@cache
def filter_of(kind: str) -> type[KindFilter]:
    """The filter of a kind."""
    model = KINDS[kind].model
    meta = type("Meta", (), {"model": model, "fields": []})
    return type(f"{model.__name__}Filter", (KindFilter,), {**_filters_of(model), "Meta": meta})
