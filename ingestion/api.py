"""Rejected events in the read API."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from events.api.endpoint import Endpoint, Selectable
from events.api.pagination import KeysetPagination
from events.api.scope import owner_keys, readable_owners, source_keys
from ingestion.rejected import RejectedEvent, RejectedQuerySet
from ingestion.replay_api import ReplayActions


class RejectedSerializer(Selectable, serializers.ModelSerializer[RejectedEvent]):
    """Why an event was refused, without its bytes."""

    owner = serializers.CharField(source="owner.name", read_only=True, help_text="Name of the owner.")
    source = serializers.CharField(  # type: ignore[assignment]  # as in events.api
        source="source.name", read_only=True, help_text="Name of the application that sent it."
    )

    class Meta:
        model = RejectedEvent
        fields = (
            "id",
            "code",
            "path",
            "message",
            "client_event_id",
            "dialect",
            "kind",
            "owner",
            "source",
            "received_at",
            "last_received_at",
            "seen",
        )
        read_only_fields = fields


class RejectedFilter(django_filters.FilterSet):
    """What rejected events can be asked for."""

    owner = django_filters.CharFilter(method="by_owner", help_text="Name of the owner, in any case.")
    source = django_filters.CharFilter(method="by_source", help_text="Name of the source, in any case.")
    received_after = django_filters.IsoDateTimeFilter(
        field_name="received_at", lookup_expr="gte", help_text="First received at this time or later."
    )
    received_before = django_filters.IsoDateTimeFilter(
        field_name="received_at", lookup_expr="lt", help_text="First received before this time."
    )

    class Meta:
        model = RejectedEvent
        fields = ("code", "path", "message", "client_event_id", "dialect", "kind", "seen")

    def by_owner(self, rejected: RejectedQuerySet, _: str, name: str) -> RejectedQuerySet:
        """By the name of one of the reader's owners."""
        return rejected.filter(owner_id__in=owner_keys(self._reader, name))

    def by_source(self, rejected: RejectedQuerySet, _: str, name: str) -> RejectedQuerySet:
        """By the name of a source."""
        return rejected.filter(source_id__in=source_keys(self._reader, name))

    @property
    def _reader(self) -> Any:
        assert self.request is not None, "filters are made by views"
        return self.request.user


class RejectedViewSet(ReplayActions, Endpoint, viewsets.ReadOnlyModelViewSet[RejectedEvent]):
    """Rejected events of the owners that the reader may see; secret keys let them in by replays."""

    queryset = RejectedEvent.objects.none()  # for the description: the real one is the reader's
    serializer_class = RejectedSerializer
    filterset_class = RejectedFilter
    pagination_class = KeysetPagination

    def get_queryset(self) -> QuerySet[RejectedEvent]:
        """Nothing of anybody else's."""
        rejected = RejectedEvent.objects.for_owners(readable_owners(self.request.user))
        return rejected.prefetch_related("owner", "source").defer("body")
