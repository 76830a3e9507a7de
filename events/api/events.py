"""Events in the read API."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import viewsets
from rest_framework.request import Request

from events.access import Access
from events.api import lines
from events.api.endpoint import FIELDS, AnySerializer, Endpoint
from events.api.filters import FieldFilters
from events.api.pagination import EventPagination
from events.api.problems import BadParameter
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
    has_lines = True

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Return a page of events, newest first.

        With `format=ndjson`, return up to 5,000 events as lines: each as sent (`wire`), with its ID, owner,
        source, format and times. The header `Link` has the address of the next ones.
        """
        if lines.format_of(request) == lines.JSON:
            return super().list(request, *args, **kwargs)
        if FIELDS in request.query_params:
            raise BadParameter("bad_parameter", {FIELDS: ["Lines always have the same members."]})
        question: Any = self.filter_queryset(self.get_queryset())
        pages: Any = self.paginator
        return lines.lines_of(question, request, pages)

    def known_parameters(self) -> set[str]:
        """Add the format of lists."""
        return super().known_parameters() | ({lines.FORMAT} if self.action == "list" else set())

    def get_queryset(self) -> QuerySet[Event]:
        """Return visible events. Names are loaded by their own queries: a join can cost a page its index."""
        events: Any = Event.objects.for_owners(Access(self.request.user).visible_owners)
        if self.action == "list" and lines.format_of(self.request) == lines.JSON:
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
