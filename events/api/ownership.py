"""Owners and sources in the read API: names for filters, and when each was first and last seen."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import Max, Min, Q, QuerySet, Sum
from django.utils import timezone
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import Endpoint, Selectable
from events.api.filters import TimeFilter
from events.api.pagination import NamePagination
from events.ownership.owner import Owner, OwnerQuerySet
from events.ownership.source import STANDING, Source
from events.store.sources import has_stored_events
from events.store.usage import UsageHour, hour_of

HEARD_OF = timedelta(days=91)  # a source that has sent nothing for longer is listed on request only


class OwnerSerializer(Selectable, serializers.ModelSerializer[Owner]):
    """A team whose events they are."""

    organization = serializers.CharField(
        source="organization.slug", read_only=True, help_text="Slug of its organization."
    )

    class Meta:
        model = Owner
        fields = ("name", "organization", "validation", "monthly_quota", "over_quota", "created_at")
        read_only_fields = fields


class OwnerFilter(django_filters.FilterSet):
    """Filters of owners."""

    name = django_filters.CharFilter(method="by_name", help_text="Name of the owner, in any case.")

    class Meta:
        model = Owner
        fields: list[str] = []

    def by_name(self, owners: OwnerQuerySet, _: str, name: str) -> OwnerQuerySet:
        """Filter by name."""
        return owners.named(name)


class OwnerViewSet(Endpoint, mixins.ListModelMixin, viewsets.GenericViewSet[Owner]):
    """The owners that the reader may see, by name."""

    serializer_class = OwnerSerializer
    filterset_class = OwnerFilter
    pagination_class = NamePagination

    def get_queryset(self) -> QuerySet[Owner]:
        """Nobody else's."""
        readable = Access(self.request.user).visible_owners
        return Owner.objects.filter(pk__in=readable.values("pk")).select_related("organization")


class SourceSerializer(Selectable, serializers.ModelSerializer[Source]):
    """An application that sent events to the reader's owners, of which at least one was stored."""

    organization = serializers.CharField(
        source="organization.slug", read_only=True, help_text="Slug of its organization."
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
        fields = ("name", "organization", "first_heard", "last_heard", "received", "stored")
        read_only_fields = fields


@dataclass(frozen=True)
class Heard:
    """Sources, and their usage: first and last hour, received, stored."""

    sources: QuerySet[Source]
    measures: dict[int, list[object]]


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
        reader = self.request.user
        access = Access(reader)
        owners = access.owners_named(asked["owner"]) if asked["owner"] else sorted(access.owner_ids)
        since = asked["since"] or timezone.now() - HEARD_OF
        # An hour in which events were only removed doesn't count as usage.
        usage = UsageHour.objects.filter(owner_id__in=owners, hour__gte=hour_of(since), received__gt=0)
        measures = {
            source: measured
            for source, *measured in usage.values_list("source_id").annotate(
                Min("hour"), Max("hour"), Sum("received"), Sum("stored")
            )
        }
        if asked["name"]:
            queryset = self.filters["name"].filter(queryset, asked["name"])
        # Rejected events can name anything.
        stored = [source for source, (*_, stored) in measures.items() if stored]
        named = has_stored_events() & (Q(pk__in=stored) | ~Q(name__in=STANDING))
        return Heard(queryset.filter(named, pk__in=list(measures)), measures)

    def no_filter(self, sources: QuerySet[Source], _: str, __: object) -> QuerySet[Source]:
        """Return the rows unchanged. The value limits the usage from which sources are listed."""
        return sources


class SourceViewSet(Endpoint, viewsets.GenericViewSet[Source]):
    """The sources that the reader's owners have heard of, by name, and no others of the organization."""

    queryset = Source.objects.select_related("organization")
    serializer_class = SourceSerializer
    filterset_class = SourceFilter
    pagination_class = NamePagination

    def list(self, request: Request) -> Response:
        """Return a page of sources that sent events."""
        heard: Any = self.filter_queryset(self.get_queryset())
        page: Any = self.paginate_queryset(heard.sources)
        for source in page:
            measures = heard.measures[source.pk]
            source.first_heard, source.last_heard, source.received, source.stored = measures
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
