"""Sessions in the read API: the list, one with its parts, its events, and the session as a SUMMARY event."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import AnySerializer, Endpoint, Selectable
from events.api.filters import FieldFilters
from events.api.pagination import KEPT_SINCE, SessionPagination, TimelinePagination, as_header
from events.api.serializers import EventSerializer, selection_of
from events.changes.change import What
from events.feed.followed import FOLLOWED, Followed
from events.fields import event_query
from events.fields.conditions import Conditions
from events.fields.sessions import FIELDS_OF_SESSIONS
from events.lib.paging import LAST_STARTED_FIRST, EventQuery
from events.sessions.session import (
    Session,
    SessionEnv,
    SessionEventCount,
    SessionPage,
    SessionRedirect,
)
from events.sessions.summary_event import as_summary_event
from events.store import retention
from events.wire.schema import Warned

MOVED = 308


class SessionWarningSerializer(serializers.Serializer[Warned]):
    """A quality warning of a session."""

    path = serializers.CharField(help_text="The field.")
    code = serializers.CharField(help_text="What is wrong with the session.")
    example = serializers.CharField(help_text="Number of occurrences, or the value that was sent.")


class SessionSerializer(Selectable, serializers.ModelSerializer[Session]):
    """A session's row, with its state at the time of the answer."""

    owner = serializers.CharField(source="owner.name")
    source = serializers.CharField(source="source.name")  # type: ignore[assignment]  # as of events
    state = serializers.SerializerMethodField()
    time_spent = serializers.FloatField()
    warnings = SessionWarningSerializer(many=True)

    class Meta:
        model = Session
        fields = (
            "id",
            "owner",
            "source",
            "session",
            "state",
            "dialect",
            "type",
            "mode",
            "started_at",
            "ended_at",
            "time_spent",
            "events",
            "page_views",
            "interactions",
            "errors",
            "first_page",
            "last_page",
            "entry_kind",
            "entry_event",
            "exit_kind",
            "exit_event",
            "actor",
            "actor_type",
            "actors",
            "reused_ids",
            "warnings",
            "device",
            "channel",
            "version",
            "country",
            "environment",
            "object_id",
            "object_type",
            "object_version",
            "device_type",
            "os_name",
            "is_bot",
        )

    def get_state(self, session: Session) -> str:
        """Open, idle or final."""
        now: datetime = self.context["now"]
        return session.state_at(now).value


FOLLOWED["sessions"] = Followed(
    What.SESSIONS,
    Session.objects.all,
    SessionSerializer,
    lambda: FIELDS_OF_SESSIONS,
    order=LAST_STARTED_FIRST,
)


class PageSerializer(serializers.ModelSerializer[SessionPage]):
    """Time and visits of a session on a page."""

    time_spent = serializers.FloatField()

    class Meta:
        model = SessionPage
        fields = ("page", "type", "environment", "time_spent", "visits")


class EnvironmentSerializer(serializers.ModelSerializer[SessionEnv]):
    """Time and visits of a session in an environment."""

    time_spent = serializers.FloatField()

    class Meta:
        model = SessionEnv
        fields = ("environment", "time_spent", "visits")


class CountSerializer(serializers.ModelSerializer[SessionEventCount]):
    """Number of events of a kind in a session."""

    class Meta:
        model = SessionEventCount
        fields = ("kind", "count")


class SessionDetailSerializer(SessionSerializer):
    """A session with its parts."""

    pages = PageSerializer(many=True)
    environments = EnvironmentSerializer(many=True)
    event_counts = CountSerializer(many=True)

    class Meta(SessionSerializer.Meta):
        fields = (  # type: ignore[assignment]  # more of them
            *SessionSerializer.Meta.fields,
            "pages",
            "environments",
            "event_counts",
        )


_SERIALIZERS: dict[str, AnySerializer] = {
    "retrieve": SessionDetailSerializer,
    "events": EventSerializer,
    "summary": serializers.Serializer,
}


class _Moved(Exception):
    """The session has a different ID now."""

    def __init__(self, current: object) -> None:
        super().__init__(current)
        self.current = current


class SessionViewSet(Endpoint, viewsets.ReadOnlyModelViewSet[Session]):
    """Sessions of the owners that the reader may see."""

    queryset = Session.objects.none()  # for the description: the real one is the reader's
    filter_backends = (FieldFilters,)
    vocabulary = FIELDS_OF_SESSIONS
    pagination_class = SessionPagination
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Session]:
        """Return visible sessions."""
        sessions = Session.objects.for_owners(Access(self.request.user).visible_owners)
        return sessions.prefetch_related("owner", "source")

    def matching(self, sessions: Any, conditions: Conditions) -> EventQuery:
        """Return the query of the sessions that meet the conditions."""
        return event_query.of_rows(sessions, conditions, Access(self.request.user), LAST_STARTED_FIRST)

    def get_serializer_class(self) -> AnySerializer:
        """Return the serializer: a single session has its parts."""
        return _SERIALIZERS.get(self.action, SessionSerializer)

    def get_serializer_context(self) -> dict[str, object]:
        """Add the time, so that all states in a response are those at one time."""
        return {**super().get_serializer_context(), "now": timezone.now()}

    def get_object(self) -> Session:
        """Return the session. Raises `_Moved` if it has another id now."""
        try:
            return super().get_object()
        except Http404:
            moved = SessionRedirect.objects.filter(old=self.kwargs["pk"]).first()
            if moved is None or not self.get_queryset().filter(pk=moved.current).exists():
                raise
            raise _Moved(moved.current) from None

    def handle_exception(self, exc: Exception) -> Response:
        """Redirect from a previous id of a session to its current one."""
        if isinstance(exc, _Moved):
            return self._moved(exc.current)
        return super().handle_exception(exc)

    def _moved(self, current: object) -> Response:
        name = self.request.resolver_match.view_name if self.request.resolver_match else "session-detail"
        query = self.request.META.get("QUERY_STRING", "")
        url = reverse(name, kwargs={"pk": current}) + (f"?{query}" if query else "")
        # Not cached: a late event may change the id again.
        return Response(
            {"detail": "The session has a different ID now.", "id": current},
            status=MOVED,
            headers={"Location": self.request.build_absolute_uri(url), "Cache-Control": "no-cache"},
        )

    @action(detail=True, vocabulary=None, filter_backends=(), pagination_class=TimelinePagination)
    def events(self, request: Request, pk: Any) -> Response:
        """Its events, first to last."""
        session = self.get_object()
        selection = selection_of(self)
        events = selection.only(session.timeline()).prefetch_related("owner", "source")
        page: Any = self.paginate_queryset(events)
        selection.load_details(page)
        response = self.get_paginated_response(self.get_serializer(page, many=True).data)
        since = retention.current().events
        if since and session.started_at < since:
            response[KEPT_SINCE] = as_header(since)
        return response

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, vocabulary=None, filter_backends=(), pagination_class=None, parameters=("strict",))
    def summary(self, request: Request, pk: Any) -> Response:
        """The session as a V3 SUMMARY event; `strict=true` leaves out what the reference doesn't know."""
        strict = request.query_params.get("strict", "").lower() in ("true", "1")
        return Response(as_summary_event(self.get_object(), strict=strict))
