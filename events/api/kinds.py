"""Events of one kind in the read API: an endpoint per kind, with filters on the kind's own columns."""

from functools import cache
from typing import Any

import django_filters
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import AnySerializer, Endpoint
from events.api.filters import INDEXED, OF_TIME, EnvelopeFilter, TimeFilter, in_time
from events.api.pagination import KindPagination
from events.api.serializers import LISTED, kind_serializer
from events.event import Event
from events.kinds import KINDS, KindEntry
from events.kinds.base import Kind
from events.lib.fields import AnyField
from events.lib.paging import EventQuery


class _TextIn(django_filters.BaseInFilter, django_filters.CharFilter):
    """One of several texts, separated by commas."""


class _NumberIn(django_filters.BaseInFilter, django_filters.NumberFilter):
    """One of several numbers, separated by commas."""


class _Having(django_filters.CharFilter):
    """A list that contains a text."""

    def filter(self, qs: Any, value: object) -> Any:
        """Return the rows whose list contains the value."""
        return qs.filter(**{f"{self.field_name}__contains": [value]}) if value else qs


_NUMERIC = (
    ("exact", django_filters.NumberFilter, "Equal to this value."),
    ("in", _NumberIn, "Equal to one of these values, separated by commas."),
    ("gte", django_filters.NumberFilter, "This or more."),
    ("lte", django_filters.NumberFilter, "This or less."),
)
# Lookup, filter and description for each type of column. Columns stored as JSON have none.
LOOKUPS: dict[type[AnyField], tuple[tuple[str, type[django_filters.Filter], str], ...]] = {
    models.TextField: (
        ("exact", django_filters.CharFilter, "Equal to this value."),
        ("in", _TextIn, "Equal to one of these values, separated by commas."),
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
    """Splits filters into those of the kind's table and those of the envelope; see `walk`."""

    def filter_queryset(self, queryset: QuerySet[Any]) -> Any:
        """Return the query; base classes return rows."""
        owners = Access(self.reader).visible_owners
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
        return EventQuery(rows, windowed_by=(paced, indexed), joined=envelopes)


def _filters_of(model: type[Kind]) -> dict[str, object]:
    """Build the filters of a kind's own columns."""
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
    """Build the filter class of a kind."""
    model = KINDS[kind].model
    meta = type("Meta", (), {"model": model, "fields": []})
    return type(f"{model.__name__}Filter", (KindFilter,), {**_filters_of(model), "Meta": meta})


class ColumnSerializer(serializers.Serializer[dict[str, object]]):
    """A column of a kind."""

    name = serializers.CharField(
        help_text="Name of the column, which is also the name of the field and of the filter."
    )
    path = serializers.CharField(
        allow_null=True, help_text="Path of the value in the event as sent. null if Tally computes it."
    )
    description = serializers.CharField()


class KindSerializer(serializers.Serializer[dict[str, object]]):
    """A kind of event."""

    kind = serializers.CharField()
    dialect = serializers.CharField(help_text="Wire format of its events.")
    description = serializers.CharField()
    events = serializers.URLField(help_text="Address of the list of its events.")
    columns = ColumnSerializer(many=True, help_text="The kind's own columns.")
    filters = serializers.ListField(child=serializers.CharField(), help_text="Parameters of its list.")


@extend_schema_serializer(many=False)
class KindsSerializer(serializers.Serializer[Any]):
    """All kinds, without pages."""

    results = KindSerializer(many=True)


def _described(entry: KindEntry, request: Request) -> dict[str, object]:
    model = entry.model
    root = model.root()
    columns = [
        {
            "name": column.attname,
            "path": ".".join((*root, column.path)) if column in model.columns() else None,
            "description": column.help_text,
        }
        for column in (*model.columns(), *model.computed())
    ]
    return {
        "kind": entry.name,
        "dialect": entry.schema.dialect,
        "description": (model.__doc__ or "").strip().splitlines()[0],
        "events": request.build_absolute_uri(reverse(f"kind-{entry.name}-list")),
        "columns": columns,
        "filters": sorted(set(filter_of(entry.name).base_filters) - set(EnvelopeFilter.base_filters)),
    }


class KindsViewSet(Endpoint, viewsets.GenericViewSet[Event]):
    """The kinds of event that there are, with their columns and filters."""

    serializer_class = KindsSerializer
    pagination_class = None
    filter_backends = ()

    def list(self, request: Request) -> Response:
        """Return all kinds, by name."""
        kinds = [_described(KINDS[name], request) for name in sorted(KINDS)]
        return Response(self.get_serializer({"results": kinds}).data)


class KindViewSet(Endpoint, mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """Events of one kind, with the kind's own columns."""

    kind = ""
    pagination_class = KindPagination

    def get_queryset(self) -> QuerySet[Any]:
        """Return all rows of the kind. The filter limits them to visible events."""
        envelopes = Event.objects.only(*LISTED).prefetch_related("owner", "source")
        rows = KINDS[self.kind].model._default_manager.all()
        return rows.prefetch_related(Prefetch("event", envelopes))

    def get_serializer_class(self) -> AnySerializer:
        """Return the serializer of the kind."""
        return kind_serializer(self.kind)


@cache
def view_of(kind: str) -> type[KindViewSet]:
    """Build the view of a kind's events."""
    doc = f"Events of the kind `{kind}`: {(KINDS[kind].model.__doc__ or '').strip().splitlines()[0]}"
    members = {"kind": kind, "filterset_class": filter_of(kind), "__doc__": doc}
    return type(f"{KINDS[kind].model.__name__}ViewSet", (KindViewSet,), members)
