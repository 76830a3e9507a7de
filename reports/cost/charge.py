"""Charges: the cost of an hour of a meter (for stored data, of a day) by owner, source, kind and dialect."""

from django.db import models

from events.ownership.owner import Owner
from events.ownership.source import Source
from reports.cost.meters import METERS
from reports.cost.month import BillingMonth
from reports.cost.numbers import ExactField
from reports.cost.plans import Price

METER_CHOICES = [(name, meter.label) for name, meter in METERS.items()]


class _Charged(models.Model):
    """What charges and their daily sums share."""

    billing_month = models.ForeignKey(
        BillingMonth, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+", db_index=False, null=True)
    kind = models.TextField(help_text="Kind of event; empty where it could not be told.")
    dialect = models.TextField()
    meter = models.CharField(max_length=20, choices=METER_CHOICES)
    is_correction = models.BooleanField(help_text="Of a month that was closed before, found later.")
    consumed = ExactField(help_text="In the meter's consumed unit.")
    quantity = ExactField(help_text="In the meter's pricing unit.")
    list_cost = ExactField(help_text="Without the owner's discount.")
    cost = ExactField(help_text="What is billed.")
    wire_bytes = models.BigIntegerField(help_text="Size of ingested data in its requests; for information.")

    class Meta:
        abstract = True


class Charge(_Charged):
    """One row per hour and tier. For stored data, one per past day, at its first hour; for a fixed cost, one
    per month, at its first hour.

    A correction has the hour that it corrects, the month that it is charged in, and no unit price.
    """

    hour = models.DateTimeField(help_text="UTC.")
    hours = models.SmallIntegerField(
        default=1,
        help_text="Number of hours that it covers: more than one only for stored data of a past day.",
    )
    tier = models.SmallIntegerField(help_text="0 for the first. Of fixed costs: which of them.")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+", db_index=False, null=True)
    label = models.TextField(blank=True, help_text="Of a fixed cost: which, and how it was shared.")
    list_unit_price = ExactField(null=True)
    unit_price = ExactField(null=True, help_text="With the owner's discount.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "billing_month",
                    "owner",
                    "hour",
                    "source",
                    "kind",
                    "dialect",
                    "meter",
                    "tier",
                    "is_correction",
                ],
                name="charge_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(is_correction=True, unit_price=None, list_unit_price=None)
                | models.Q(
                    is_correction=False,
                    cost=models.F("quantity") * models.F("unit_price"),
                    list_cost=models.F("quantity") * models.F("list_unit_price"),
                ),
                name="charge_is_quantity_times_price",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.meter} at {self.hour:%Y-%m-%d %H:00}"


class ChargeDay(_Charged):
    """The sum of a day's charges: what pages about months read. Written with the charges."""

    day = models.DateField(help_text="UTC.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "billing_month",
                    "owner",
                    "day",
                    "source",
                    "kind",
                    "dialect",
                    "meter",
                    "is_correction",
                ],
                name="charge_day_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.meter} on {self.day}"
