"""Kinds in the read API: the list of all, and for each kind its events with the kind's own columns.

Serializers and filters are made from the columns of the models, so a new kind needs no line here.
"""

from functools import cache
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from events.api.endpoint import Endpoint
from events.api.filters import EnvelopeFilter
from events.api.kind_filters import filter_of
from events.api.pagination import KindPagination
from events.api.serializers import LISTED, kind_serializer
from events.event import Event
from events.kinds import KINDS, KindEntry


class ColumnSerializer(serializers.Serializer[Any]):
    """A column of a kind."""

    name = serializers.CharField(help_text="Name of the column, as field and as filter.")
    path = serializers.CharField(allow_null=True, help_text="Where on the wire it is; null: computed.")
    description = serializers.CharField()


class KindSerializer(serializers.Serializer[Any]):
    """A kind of event."""

    kind = serializers.CharField()
    dialect = serializers.CharField(help_text="Wire format that its events come in.")
    description = serializers.CharField()
    events = serializers.URLField(help_text="Where its events are.")
    columns = ColumnSerializer(many=True, help_text="Its own columns.")
    filters = serializers.ListField(child=serializers.CharField(), help_text="Parameters of its list.")


@extend_schema_serializer(many=False)
class KindsSerializer(serializers.Serializer[Any]):
    """All kinds, without pages."""

    results = KindSerializer(many=True)


def _described(entry: KindEntry, request: Request) -> dict[str, Any]:
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
        """All of them, by name."""
        kinds = [_described(KINDS[name], request) for name in sorted(KINDS)]
        return Response(self.get_serializer({"results": kinds}).data)


class KindViewSet(Endpoint, mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """Events of one kind, with the kind's own columns."""

    kind = ""
    pagination_class = KindPagination

    def get_queryset(self) -> QuerySet[Any]:
        """All rows of the kind; whose they are is the question that the filter makes of it."""
        envelopes = Event.objects.only(*LISTED).prefetch_related("owner", "source")
        rows = KINDS[self.kind].model._default_manager.all()
        return rows.prefetch_related(Prefetch("event", envelopes))

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        """That of the kind."""
        return kind_serializer(self.kind)


@cache
def view_of(kind: str) -> type[KindViewSet]:
    """The view of a kind's events."""
    doc = f"Events of the kind `{kind}`: {(KINDS[kind].model.__doc__ or '').strip().splitlines()[0]}"
    members = {"kind": kind, "filterset_class": filter_of(kind), "__doc__": doc}
    return type(f"{KINDS[kind].model.__name__}ViewSet", (KindViewSet,), members)
