"""Events in the read API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import viewsets

from events.access import Access
from events.api.endpoint import AnySerializer, Endpoint
from events.api.filters import FieldFilters
from events.api.pagination import EventPagination
from events.api.serializers import EventDetailSerializer, EventSerializer, selection_of
from events.event import Event
from events.fields import event_query, vocabulary
from events.fields.conditions import Conditions
from events.lib.paging import EventQuery


class EventViewSet(Endpoint, viewsets.ReadOnlyModelViewSet[Event]):
    """Events of the owners that the reader may see."""

    queryset = Event.objects.none()  # for the description: the real one is the reader's
    filter_backends = (FieldFilters,)
    vocabulary = vocabulary.of_events()
    pagination_class = EventPagination
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Event]:
        """Return visible events. Names are loaded by their own queries: a join can cost a page its index."""
        events: Any = Event.objects.for_owners(Access(self.request.user).visible_owners)
        if self.action == "list":
            events = selection_of(self).only(events)
        found: QuerySet[Event] = events.prefetch_related("owner", "source")
        return found

    def matching(self, events: Any, conditions: Conditions) -> EventQuery:
        """Return the query of the events that meet the conditions."""
        order = EventPagination.order_of(self.request)
        return event_query.of_events(events, conditions, Access(self.request.user), order)

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return the events of the page, with their rows of the kinds' tables if they are selected."""
        page: Any = super().paginate_queryset(queryset)
        selection_of(self).load_details(page)
        return page

    def get_serializer_class(self) -> AnySerializer:
        """Return the serializer: a single event has all details."""
        return EventDetailSerializer if self.action == "retrieve" else EventSerializer
