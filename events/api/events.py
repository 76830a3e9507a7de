"""Events in the read API."""

from django.db.models import QuerySet
from rest_framework import viewsets

from events.access import Access
from events.api.endpoint import AnySerializer, Endpoint
from events.api.filters import EventFilter
from events.api.pagination import EventPagination
from events.api.serializers import LISTED, EventDetailSerializer, EventSerializer
from events.event import Event


class EventViewSet(Endpoint, viewsets.ReadOnlyModelViewSet[Event]):
    """Events of the owners that the reader may see."""

    queryset = Event.objects.none()  # for the description: the real one is the reader's
    filterset_class = EventFilter
    pagination_class = EventPagination
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Event]:
        """Return visible events. Names are loaded by their own queries: a join can cost a page its index."""
        events = Event.objects.for_owners(Access(self.request.user).visible_owners)
        if self.action == "list":
            events = events.only(*LISTED)
        return events.prefetch_related("owner", "source")

    def get_serializer_class(self) -> AnySerializer:
        """Return the serializer: a single event has all details."""
        return EventDetailSerializer if self.action == "retrieve" else EventSerializer
