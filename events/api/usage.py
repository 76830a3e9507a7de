"""Usage in the read API: what was received, stored and rejected, by hour, day or month of receipt."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import django_filters
from django.db.models import Model, QuerySet, Sum
from django.db.models.functions import Trunc
from django.utils import timezone
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import Endpoint, Selectable
from events.api.filters import OwnedFilter, TimeFilter, choices
from events.api.pagination import UsagePagination
from events.api.problems import BadParameter
from events.kinds import KINDS
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.usage import MEASURES, UsageHour, hour_of
from events.wire.dialects import DIALECTS


class Span(NamedTuple):
    """The default and longest period of a query, in days."""

    default: int
    longest: int


SPANS = {"hour": Span(7, 31), "day": Span(31, 400), "month": Span(366, 3_660)}


class RequestedPeriod(NamedTuple):
    """The period of a query, and the length of its rows' periods: one of SPANS."""

    group: str
    since: datetime
    until: datetime


class ReceiptFilter(OwnedFilter):
    """Base class of filters of counts by time of receipt."""

    kind = django_filters.ChoiceFilter(choices=choices(KINDS), help_text="Kind of event.")
    dialect = django_filters.ChoiceFilter(choices=choices(DIALECTS), help_text="Wire format.")
    group = django_filters.ChoiceFilter(
        choices=choices(SPANS),
        method="no_filter",
        help_text="Length of the periods, in UTC. Default: day.",
    )
    since = TimeFilter(
        method="no_filter",
        help_text="Start of the period, rounded down to the hour. Default: 7 days ago by hour, 31 by day,"
        " 366 by month. At most 31, 400 and 3,660 days can be requested at once.",
    )
    until = TimeFilter(method="no_filter", help_text="End of the period. Default: now.")

    def asked(self) -> RequestedPeriod:
        """Return the period. Raises `BadParameter` if it is too long."""
        form = self.form.cleaned_data
        group = form["group"] or "day"
        span, until = SPANS[group], form["until"] or timezone.now()
        since = form["since"] or until - timedelta(days=span.default)
        if until - since > timedelta(days=span.longest):
            raise BadParameter(
                "bad_parameter", {"since": [f"At most {span.longest} days can be requested by {group}."]}
            )
        return RequestedPeriod(group, since, until)

    def no_filter(self, rows: QuerySet[Model], _: str, __: object) -> QuerySet[Model]:
        """Return the rows unchanged: `asked` combines these values."""
        return rows


KEYS = ("period", "owner_id", "source_id", "kind", "dialect")


class UsageSerializer(Selectable, serializers.ModelSerializer[UsageHour]):
    """Usage of one source, owner and kind in a period."""

    period = serializers.DateTimeField(read_only=True, help_text="Start of the hour, day or month, UTC.")
    owner = serializers.CharField(read_only=True, help_text="Name of the owner.")
    source = serializers.CharField(  # type: ignore[assignment]  # as of events
        read_only=True, help_text="Name of the application that sent it."
    )

    class Meta:
        model = UsageHour
        fields = ("period", "owner", "source", "kind", "dialect", *MEASURES)
        read_only_fields = fields


class UsageFilter(ReceiptFilter):
    """Filters of usage."""

    class Meta:
        model = UsageHour
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Any]) -> Any:
        """Return a row per period. Raises `BadParameter` if the period is too long."""
        group, since, until = self.asked()
        rows = super().filter_queryset(queryset).filter(hour__gte=hour_of(since), hour__lt=until)
        periods = rows.annotate(period=Trunc("hour", group)).order_by().values(*KEYS)
        return periods.annotate(**{f"sum_{name}": Sum(name) for name in MEASURES}).values_list(
            *KEYS, *(f"sum_{name}" for name in MEASURES), named=True
        )


class UsageViewSet(Endpoint, viewsets.GenericViewSet[UsageHour]):
    """Usage of the sources of the reader's owners, by kind, format and period of receipt."""

    queryset = UsageHour.objects.none()  # for the description: the real one is the reader's
    serializer_class = UsageSerializer
    filterset_class = UsageFilter
    pagination_class = UsagePagination

    def get_queryset(self) -> QuerySet[UsageHour]:
        """Return visible counters."""
        return UsageHour.objects.filter(owner_id__in=sorted(Access(self.request.user).owner_ids))

    def list(self, request: Request) -> Response:
        """Return a page of rows, with the names of owners and sources."""
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(named(page), many=True).data)


def named(page: list[Any]) -> list[dict[str, Any]]:
    """Return rows with the names of their owners and sources."""
    owners = Owner.objects.in_bulk({row.owner_id for row in page})
    sources = Source.objects.in_bulk({row.source_id for row in page})
    return [
        {name.removeprefix("sum_"): value for name, value in row._asdict().items()}
        | {"owner": owners[row.owner_id].name, "source": sources[row.source_id].name}
        for row in page
    ]
