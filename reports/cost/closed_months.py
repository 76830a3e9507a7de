"""Closed months: what each owner was charged, written once when a month is closed."""

from datetime import datetime

from django.db import models
from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncMonth

from events.changes import change
from events.changes.change import What
from events.ownership.owner import Owner
from reports.cost.charges import BillingMonth, ChargeDay
from reports.cost.numbers import ExactField

MEASURES = ("consumed", "quantity", "list_cost", "cost")


class ClosedMonth(models.Model):
    """One row per closed month and owner that it has charges of."""

    billing_month = models.ForeignKey(BillingMonth, on_delete=models.PROTECT, related_name="owners")
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", help_text="Owner.")
    closed_at = models.DateTimeField(help_text="When the month was closed.")
    list_cost = ExactField(help_text="Cost without the owner's discount.")
    cost = ExactField(help_text="Billed cost, with corrections of earlier months.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["billing_month", "owner"], name="closed_month_once")]

    def __str__(self) -> str:
        return f"{self.billing_month.month:%Y-%m} of {self.owner}"

    @property
    def charges(self) -> QuerySet[ChargeDay, dict[str, object]]:
        """The owner's charges, summed over the month. Corrections have the month that they correct."""
        rows = ChargeDay.objects.filter(billing_month=self.billing_month_id, owner=self.owner_id)
        names = ("month", "source__name", "kind", "dialect", "meter", "is_correction")
        sums = rows.annotate(month=TruncMonth("day")).values(*names)
        found: QuerySet[ChargeDay, dict[str, object]] = sums.annotate(
            **{f"sum_{name}": Sum(name) for name in MEASURES}
        )
        return found.order_by(*names)


def add(found: BillingMonth, closed_at: datetime) -> None:
    """Add what each owner was charged in a month, and add that to the change feed."""
    sums = ChargeDay.objects.filter(billing_month=found).values("owner_id").order_by("owner_id")
    rows = ClosedMonth.objects.bulk_create(
        ClosedMonth(
            billing_month=found,
            owner_id=each["owner_id"],
            closed_at=closed_at,
            list_cost=each["sum_list_cost"],
            cost=each["sum_cost"],
        )
        for each in sums.annotate(sum_list_cost=Sum("list_cost"), sum_cost=Sum("cost"))
    )
    change.add_pairs(What.MONTHS, ((row.owner_id, row.pk) for row in rows))
