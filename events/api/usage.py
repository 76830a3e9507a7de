"""Usage in the read API: what was received, stored and refused, by hour, day or month of receipt."""

from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import Trunc
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import Endpoint, Selectable
from events.api.pagination import UsagePagination
from events.api.receipt import ReceiptFilter
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.usage import MEASURES, UsageHour, hour_of

KEYS = ("period", "owner_id", "source_id", "kind", "dialect")


class UsageSerializer(Selectable, serializers.ModelSerializer[UsageHour]):
    """What one source of one owner sent of one kind in a period."""

    period = serializers.DateTimeField(read_only=True, help_text="Begin of the hour, day or month, UTC.")
    owner = serializers.CharField(read_only=True, help_text="Name of the owner.")
    source = serializers.CharField(  # type: ignore[assignment]  # as of events
        read_only=True, help_text="Name of the application that sent it."
    )

    class Meta:
        model = UsageHour
        fields = ("period", "owner", "source", "kind", "dialect", *MEASURES)
        read_only_fields = fields


class UsageFilter(ReceiptFilter):
    """What usage can be asked for."""

    class Meta:
        model = UsageHour
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Any]) -> Any:
        """Rows of a period each, not of an hour. Raises `BadParameter` for too long a time."""
        group, since, until = self.asked()
        rows = super().filter_queryset(queryset).filter(hour__gte=hour_of(since), hour__lt=until)
        periods = rows.annotate(period=Trunc("hour", group)).order_by().values(*KEYS)
        return periods.annotate(**{f"sum_{name}": Sum(name) for name in MEASURES}).values_list(
            *KEYS, *(f"sum_{name}" for name in MEASURES), named=True
        )


class UsageViewSet(Endpoint, viewsets.GenericViewSet[UsageHour]):
    """What was received from each source of the reader's owners, by kind, format and period of receipt."""

    queryset = UsageHour.objects.none()  # for the description: the real one is the reader's
    serializer_class = UsageSerializer
    filterset_class = UsageFilter
    pagination_class = UsagePagination

    def get_queryset(self) -> QuerySet[UsageHour]:
        """Nobody else's."""
        return UsageHour.objects.filter(owner_id__in=sorted(Access(self.request.user).owner_ids))

    def list(self, request: Request) -> Response:
        """A page of rows, with the names that their keys stand for."""
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        owners = Owner.objects.in_bulk({row.owner_id for row in page})
        sources = Source.objects.in_bulk({row.source_id for row in page})
        rows = [
            {name.removeprefix("sum_"): value for name, value in row._asdict().items()}
            | {"owner": owners[row.owner_id].name, "source": sources[row.source_id].name}
            for row in page
        ]
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)
