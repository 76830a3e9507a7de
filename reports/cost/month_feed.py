"""Closed months as a feed, for webhooks and for those who follow changes."""

from typing import Any

from rest_framework import serializers

from events.api.endpoint import Selectable
from events.changes.change import What
from events.feed.followed import FOLLOWED, Followed
from events.fields.types import EXACT, IN
from events.fields.vocabulary import Vocabulary, fields_of
from reports.cost.closed_months import ClosedMonth
from reports.cost.exact_number import ExactNumber


class MonthChargeSerializer(serializers.Serializer[dict[str, Any]]):
    """An owner's charges of one meter in a month, for a source, a kind and a dialect."""

    month = serializers.DateField(help_text="First day of the month; for a correction, of the corrected one.")
    source = serializers.CharField(  # type: ignore[assignment]  # as of events
        source="source__name", allow_null=True, help_text="Name of the application; null for platform costs."
    )
    kind = serializers.CharField()
    dialect = serializers.CharField()
    meter = serializers.CharField()
    is_correction = serializers.BooleanField(help_text="Whether it corrects a month closed earlier.")
    consumed = ExactNumber(source="sum_consumed", help_text="Quantity in the meter's consumed unit.")
    quantity = ExactNumber(source="sum_quantity", help_text="Quantity in the meter's pricing unit.")
    list_cost = ExactNumber(source="sum_list_cost", help_text="Cost without the owner's discount.")
    cost = ExactNumber(source="sum_cost", help_text="Billed cost.")


class ClosedMonthSerializer(Selectable, serializers.ModelSerializer[ClosedMonth]):
    """An owner's charges in a closed month."""

    owner = serializers.CharField(source="owner.name", help_text="Name of the owner.")
    month = serializers.DateField(source="billing_month.month", help_text="First day of the month.")
    currency = serializers.CharField(source="billing_month.currency", help_text="ISO 4217.")
    list_cost = ExactNumber(help_text="Cost without the owner's discount.")
    cost = ExactNumber(help_text="Billed cost, with corrections of earlier months.")
    charges = MonthChargeSerializer(many=True)

    class Meta:
        model = ClosedMonth
        fields = ("id", "owner", "month", "currency", "closed_at", "list_cost", "cost", "charges")


FIELDS_OF_MONTHS = Vocabulary(
    fields_of(
        [ClosedMonth._meta.get_field(name) for name in ("id", "owner", "closed_at", "list_cost", "cost")],  # type: ignore[misc]  # all are columns
        indexed={"owner": (EXACT, IN), "id": (EXACT, IN)},
    )
)
FOLLOWED["months"] = Followed(
    What.MONTHS,
    ClosedMonth.objects.all,
    ClosedMonthSerializer,
    lambda: FIELDS_OF_MONTHS,
    is_numbered=True,
    related=("owner", "billing_month"),
)
