"""Sources in the API: when each was first and last seen. Keys that manage merge and delete them."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import django_filters
from django.core.exceptions import ValidationError as InvalidChange
from django.db.models import Max, Min, Q, QuerySet, Sum
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import Selectable
from events.api.filters import TimeFilter
from events.api.managing.base import Body, Conflict, Managing
from events.api.pagination import NamePagination
from events.managing import sources as managing
from events.ownership.api_key import Permission
from events.ownership.source import STANDING, Source
from events.store.sources import has_stored_events
from events.store.usage import UsageHour, hour_of

HEARD_OF = timedelta(days=91)  # a source that has sent nothing for longer is listed on request only


class SourceSerializer(Selectable, serializers.ModelSerializer[Source]):
    """An application that sent events to the reader's owners, of which at least one was stored."""

    organization = serializers.CharField(
        source="organization.slug", read_only=True, help_text="Slug of its organization."
    )
    merged_into = serializers.CharField(
        source="merged_into.name",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="Source under which new events that name this one are filed.",
    )
    first_heard = serializers.DateTimeField(
        read_only=True,
        help_text="First hour of the period in which it sent events to owners that the reader sees.",
    )
    last_heard = serializers.DateTimeField(read_only=True, help_text="Last such hour.")
    received = serializers.IntegerField(
        read_only=True, help_text="Events received from it in the period, for owners that the reader sees."
    )
    stored = serializers.IntegerField(read_only=True, help_text="Number of these that were stored.")

    class Meta:
        model = Source
        fields = (
            "id",
            "name",
            "organization",
            "merged_into",
            "first_heard",
            "last_heard",
            "received",
            "stored",
        )
        read_only_fields = fields


@dataclass(frozen=True)
class Heard:
    """Sources, and their usage: first and last hour, received, stored."""

    sources: QuerySet[Source]
    measures: dict[int, list[object]]

    def measured(self, sources: Iterable[Any]) -> list[Any]:
        """Return sources with their usage."""
        for source in sources:
            measures = self.measures[source.pk]
            source.first_heard, source.last_heard, source.received, source.stored = measures
        return list(sources)


def heard(sources: QuerySet[Source], owners: Collection[int], since: datetime | None) -> Heard:
    """Return those of the sources that sent events to the owners, with their usage."""
    # An hour in which events were only removed doesn't count as usage.
    usage = UsageHour.objects.filter(owner_id__in=owners, received__gt=0)
    if since is not None:
        usage = usage.filter(hour__gte=hour_of(since))
    measures = {
        source: measured
        for source, *measured in usage.values_list("source_id").annotate(
            Min("hour"), Max("hour"), Sum("received"), Sum("stored")
        )
    }
    # Rejected events can name anything.
    stored = [source for source, (*_, stored) in measures.items() if stored]
    named = has_stored_events() & (Q(pk__in=stored) | ~Q(name__in=STANDING))
    return Heard(sources.filter(named, pk__in=list(measures)), measures)


class SourceFilter(django_filters.FilterSet):
    """Filters of sources."""

    name = django_filters.CharFilter(lookup_expr="iexact", help_text="Name of the source, in any case.")
    owner = django_filters.CharFilter(
        method="no_filter",
        help_text="Only sources that sent events to the owner with this name, in any case.",
    )
    since = TimeFilter(
        method="no_filter",
        help_text="Only sources that sent events at this time or later. Default: in the last 91 days.",
    )

    class Meta:
        model = Source
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Source]) -> Any:
        """Return the sources with usage."""
        asked = self.form.cleaned_data
        assert self.request is not None, "filters are made by views"
        known = Access(self.request.user).known_owners
        owners = known.named(asked["owner"]) if asked["owner"] else known
        since = asked["since"] or timezone.now() - HEARD_OF
        if asked["name"]:
            queryset = self.filters["name"].filter(queryset, asked["name"])
        return heard(queryset, sorted(owners.values_list("pk", flat=True)), since)

    def no_filter(self, sources: QuerySet[Source], _: str, __: object) -> QuerySet[Source]:
        """Return the rows unchanged. The value limits the usage from which sources are listed."""
        return sources


class MergeBody(Body):
    """The target of a merge."""

    into = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="ID of the target.")


class SourceViewSet(Managing):
    """The sources that the reader's owners have heard of, by name, and no others of the organization."""

    needs = (Permission.READ, Permission.MANAGE)
    queryset = Source.objects.select_related("organization", "merged_into")
    serializer_class = SourceSerializer
    filterset_class = SourceFilter
    pagination_class = NamePagination

    def list(self, request: Request) -> Response:
        """Return a page of sources that sent events."""
        found: Any = self.filter_queryset(self.get_queryset())
        page = found.measured(self.paginate_queryset(found.sources))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, pk: int) -> Response:
        """Return a source, with its usage since its first event."""
        return Response(self.get_serializer(self._found(pk)).data)

    @extend_schema(request=MergeBody, responses=SourceSerializer)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: int) -> Response:
        """Merge a source into another one, under which new events that name it are filed.

        You must administer all owners that it sent events to.
        """
        source = self._led(pk)
        into = self._heard(self.read(MergeBody)["into"]).sources.first()
        if into is None:
            raise serializers.ValidationError({"into": ["There is no such source."]})
        self._refusable(lambda: managing.merge([source], into, self.actor))
        return Response(self.get_serializer(self._found(pk)).data)

    @extend_schema(request=None, responses=SourceSerializer)
    @action(detail=True, methods=["post"], url_path="undo-merge")
    def undo_merge(self, request: Request, pk: int) -> Response:
        """File new events that name a merged source under itself again."""
        managing.undo_merge([self._led(pk)], self.actor)
        return Response(self.get_serializer(self._found(pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Delete a source without events."""
        source = self._led(pk)
        self._refusable(lambda: managing.delete([source], self.actor))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _heard(self, pk: int) -> Heard:
        owners = sorted(self.access.known_owners.values_list("pk", flat=True))
        return heard(self.get_queryset().filter(pk=pk, closed_at=None), owners, None)

    def _found(self, pk: int) -> Any:
        found = self._heard(pk)
        sources = found.measured(found.sources)
        if not sources:
            raise NotFound
        return sources[0]

    def _led(self, pk: int) -> Source:
        """Return a source that the key may change. Raises PermissionDenied."""
        source: Source = self._found(pk)
        if not managing.may_change(self.access, [source]):
            raise PermissionDenied("It also sent events to owners that you don't administer.")
        return source

    def _refusable(self, act: Callable[[], None]) -> None:
        try:
            act()
        except InvalidChange as error:
            raise Conflict(" ".join(error.messages)) from error
