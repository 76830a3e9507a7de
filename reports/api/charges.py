"""Charges in the read API: what an owner's usage costs, by hour, day or month of receipt."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import django_filters
from django.db.models import DateTimeField, F, QuerySet, Sum
from django.db.models.functions import Cast, Coalesce, Trunc
from django.http import QueryDict
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import Endpoint, Selectable
from events.api.filters import choices
from events.api.pagination import KeysetPagination
from events.api.usage import ReceiptFilter
from events.lib.paging import Order
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.usage import hour_of
from reports.cost.charges import Charge, ChargeDay
from reports.cost.exact_number import ExactNumber
from reports.cost.meters import METERS

KEYS = ("period", "owner_id", "source_key", "kind", "dialect", "meter", "is_correction", "currency")
MEASURES = ("consumed", "quantity", "list_cost", "cost")


class ChargeSerializer(Selectable, serializers.Serializer[dict[str, object]]):
    """What one meter cost an owner in a period, for a source, a kind and a dialect."""

    period = serializers.DateTimeField(
        read_only=True,
        help_text="Start of the hour, day or month, UTC. In rows by the hour, the stored data of a past day"
        " is in its first hour.",
    )
    owner = serializers.CharField(read_only=True, help_text="Name of the owner.")
    source = serializers.CharField(  # type: ignore[assignment]  # as of events
        read_only=True, allow_null=True, help_text="Name of the application; null for platform costs."
    )
    kind = serializers.CharField(read_only=True)
    dialect = serializers.CharField(read_only=True)
    meter = serializers.ChoiceField(choices=choices(METERS), read_only=True)
    is_correction = serializers.BooleanField(
        read_only=True, help_text="Whether it corrects a closed month. Its period is the corrected one."
    )
    currency = serializers.CharField(read_only=True, help_text="ISO 4217.")
    consumed = ExactNumber(help_text="Quantity in the meter's consumed unit.")
    quantity = ExactNumber(help_text="Quantity in the meter's pricing unit.")
    list_cost = ExactNumber(help_text="Cost without the owner's discount.")
    cost = ExactNumber(help_text="Billed cost.")

    class Meta:
        fields = (
            "period",
            "owner",
            "source",
            "kind",
            "dialect",
            "meter",
            "is_correction",
            "currency",
            *MEASURES,
        )


class ChargeFilter(ReceiptFilter):
    """Filters of charges."""

    meter = django_filters.ChoiceFilter(choices=choices(METERS), help_text="Meter of the charge.")

    def filter_queryset(self, queryset: QuerySet[Any]) -> Any:
        """Rows of a period each. By hour of the charges, else of their daily sums. Raises `BadParameter`."""
        rows = _between(super().filter_queryset(queryset), *self.asked())
        periods = rows.order_by().values(*KEYS).annotate(**{f"sum_{name}": Sum(name) for name in MEASURES})
        return periods.values_list(*KEYS, *(f"sum_{name}" for name in MEASURES), named=True)


class ChargePagination(KeysetPagination):
    """The latest period first."""

    orders = {"-period": Order(KEYS, descending=True)}
    default = "-period"


class ChargeViewSet(Endpoint, viewsets.GenericViewSet[Charge]):
    """What the reader's owners' usage costs, by source, kind, format, meter and period of receipt."""

    queryset = Charge.objects.none()  # for the description: the real one is the reader's
    serializer_class = ChargeSerializer
    filterset_class = ChargeFilter
    pagination_class = ChargePagination

    def get_queryset(self) -> QuerySet[Any]:
        """Return the charges of the reader's owners."""
        return visible(Access(self.request.user), self.request.query_params)

    def list(self, request: Request) -> Response:
        """Return a page of rows, with the names of owners and sources."""
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(named(page), many=True).data)


def visible(access: Access, filters: QueryDict) -> QuerySet[Any]:
    """Return charges, from the daily sums for longer periods than hours."""
    model = Charge if filters.get("group") == "hour" else ChargeDay
    rows: QuerySet[Any] = model._default_manager.filter(owner_id__in=sorted(access.owner_ids))
    return rows


def named(page: list[Any]) -> list[dict[str, Any]]:
    """Return rows with the names of their owners and sources."""
    owners = Owner.objects.in_bulk({row.owner_id for row in page})
    sources = Source.objects.in_bulk({row.source_key for row in page})
    return [
        {name.removeprefix("sum_"): value for name, value in row._asdict().items()}
        | {"owner": owners[row.owner_id].name}
        | {"source": sources[row.source_key].name if row.source_key else None}
        for row in page
    ]


def _between(rows: QuerySet[Any], group: str, since: datetime, until: datetime) -> QuerySet[Any]:
    """Those of a time, with the keys that rows are told apart by."""
    if rows.model is Charge:
        rows = rows.filter(hour__gte=hour_of(since), hour__lt=until)
        moment: Any = "hour"
    else:
        rows = rows.filter(day__gte=since.astimezone(UTC).date(), day__lt=_day_after(until))
        moment = Cast("day", DateTimeField())
    keyed: QuerySet[Any] = rows.annotate(
        period=Trunc(moment, group, output_field=DateTimeField()),
        source_key=Coalesce("source_id", 0),
        currency=F("billing_month__currency"),
    )
    return keyed


def _day_after(until: datetime) -> date:
    """The first day that has nothing before a time."""
    until = until.astimezone(UTC)
    is_midnight = until == until.replace(hour=0, minute=0, second=0, microsecond=0)
    return until.date() if is_midnight else until.date() + timedelta(days=1)
