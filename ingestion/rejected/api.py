"""Rejected events in the read API."""

from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from events.access import Access
from events.api.endpoint import Endpoint, Selectable
from events.api.filters import OwnedFilter, TimeFilter
from events.api.pagination import KeysetPagination
from ingestion.rejected.event import RejectedEvent
from ingestion.rejected.replay_api import ReplayActions


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


class RejectedFilter(OwnedFilter):
    """What rejected events can be asked for."""

    received_after = TimeFilter(
        field_name="received_at", lookup_expr="gte", help_text="First received at this time or later."
    )
    received_before = TimeFilter(
        field_name="received_at", lookup_expr="lt", help_text="First received before this time."
    )

    class Meta:
        model = RejectedEvent
        fields = ("code", "path", "message", "client_event_id", "dialect", "kind", "seen")


class RejectedViewSet(ReplayActions, Endpoint, viewsets.ReadOnlyModelViewSet[RejectedEvent]):
    """Rejected events of the owners that the reader may see; secret keys let them in by replays."""

    queryset = RejectedEvent.objects.none()  # for the description: the real one is the reader's
    serializer_class = RejectedSerializer
    filterset_class = RejectedFilter
    pagination_class = KeysetPagination

    def get_queryset(self) -> QuerySet[RejectedEvent]:
        """Nothing of anybody else's."""
        rejected = RejectedEvent.objects.for_owners(Access(self.request.user).visible_owners)
        return rejected.prefetch_related("owner", "source").defer("body")
