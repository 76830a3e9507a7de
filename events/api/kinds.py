"""Events of one kind in the read API: an endpoint per kind, with filters on the kind's own columns."""

from functools import cache
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import AnySerializer, Endpoint
from events.api.filters import FieldFilters
from events.api.pagination import KindPagination
from events.api.serializers import kind_serializer, own_columns, selection_of
from events.event import Event
from events.fields import event_query, vocabulary
from events.fields.conditions import Conditions
from events.kinds import KINDS, KindEntry
from events.lib.paging import EventQuery


class ColumnSerializer(serializers.Serializer[Any]):
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


def own_filters(kind: str) -> list[str]:
    """Return the parameters of a kind's own columns."""
    names = own_columns(kind)
    return [each for each in vocabulary.of_kind(kind).parameters() if each.partition("__")[0] in names]


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
        "filters": sorted(own_filters(entry.name)),
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
    filter_backends = (FieldFilters,)
    pagination_class = KindPagination

    def get_queryset(self) -> QuerySet[Any]:
        """Return all rows of the kind. The filter limits them to visible events."""
        envelopes: Any = selection_of(self, self.vocabulary).only(Event.objects.all())
        rows = KINDS[self.kind].model._default_manager.all()
        return rows.prefetch_related(Prefetch("event", envelopes.prefetch_related("owner", "source")))

    def matching(self, rows: Any, conditions: Conditions) -> EventQuery:
        """Return the query of the visible rows that meet the conditions."""
        access = Access(self.request.user)
        visible = Event.objects.for_owners(access.visible_owners)
        return event_query.of_kind(self.kind, rows, visible, conditions, access)

    def get_serializer_class(self) -> AnySerializer:
        """Return the serializer of the kind."""
        return kind_serializer(self.kind)


@cache
def view_of(kind: str) -> type[KindViewSet]:
    """Build the view of a kind's events."""
    doc = f"Events of the kind `{kind}`: {(KINDS[kind].model.__doc__ or '').strip().splitlines()[0]}"
    members = {
        "kind": kind,
        "rows": f"{kind.removesuffix('_event')}_events",
        "vocabulary": vocabulary.of_kind(kind),
        "__doc__": doc,
    }
    return type(f"{KINDS[kind].model.__name__}ViewSet", (KindViewSet,), members)
