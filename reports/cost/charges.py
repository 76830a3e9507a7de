"""Charges and billing months: what an owner's usage costs, open until the month is closed."""

import re
from datetime import UTC, date, datetime, timedelta

from django.db import models

from events.ownership.owner import Organization, Owner
from events.ownership.source import Source
from reports.cost.meters import METERS
from reports.cost.numbers import ExactField
from reports.cost.plans import Price
from reports.periods import next_month

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class State(models.TextChoices):
    """Open months are updated; closed ones never change."""

    OPEN = "open", "Open: charges follow usage"
    CLOSED = "closed", "Closed: charges stay as they are"


class BillingMonth(models.Model):
    """A billing month of an organization.
    The database refuses to reopen a closed month or change its charges.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="billing_months")
    month = models.DateField(help_text="First day of the month.")
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.TextField(blank=True, help_text="Name of the person who closed it, at that time.")
    charged_until = models.DateTimeField(null=True, help_text="Time up to which hours have charges.")
    terms = models.TextField(blank=True, help_text="Hash of the prices used for its charges.")

    class Meta:
        ordering = ["organization", "-month"]
        verbose_name = "billing month"
        constraints = [
            models.UniqueConstraint(fields=["organization", "month"], name="billing_month_once"),
            models.CheckConstraint(condition=models.Q(month__day=1), name="billing_month_first_day"),
            models.CheckConstraint(
                condition=models.Q(state=State.OPEN, closed_at=None)
                | models.Q(state=State.CLOSED, closed_at__isnull=False),
                name="billing_month_closed_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} of {self.organization}"

    @property
    def is_closed(self) -> bool:
        """True if its charges are final."""
        return self.state == State.CLOSED

    @property
    def since(self) -> datetime:
        """Start of the period."""
        return month_start(self.month)

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        return month_start(next_month(self.month))

    @property
    def hours(self) -> int:
        """The number of its hours."""
        return (self.until - self.since) // HOUR


class ChargedHour(models.Model):
    """A fingerprint of an owner's usage in an hour when it was charged, by which changes are detected."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+", db_index=False)
    hour = models.DateTimeField()
    fingerprint = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "hour"], name="charged_hour_once")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00}"


def month_start(month: date) -> datetime:
    """Return the first moment of a month (UTC)."""
    return datetime(month.year, month.month, 1, tzinfo=UTC)


METER_CHOICES = [(name, meter.label) for name, meter in METERS.items()]


class _Charged(models.Model):
    """The columns that charges and their daily sums share."""

    billing_month = models.ForeignKey(
        BillingMonth, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+", db_index=False, null=True)
    kind = models.TextField(help_text="Kind of event. Empty if it is unknown.")
    dialect = models.TextField()
    meter = models.CharField(max_length=20, choices=METER_CHOICES)
    is_correction = models.BooleanField(help_text="Whether it corrects a month that was already closed.")
    consumed = ExactField(help_text="Quantity in the meter's consumed unit.")
    quantity = ExactField(help_text="Quantity in the meter's pricing unit.")
    list_cost = ExactField(help_text="Cost without the owner's discount.")
    cost = ExactField(help_text="Billed cost.")
    wire_bytes = models.BigIntegerField(
        help_text="Size of the ingested data in its requests, for information."
    )

    class Meta:
        abstract = True


class Charge(_Charged):
    """One row per hour and tier.
    For stored data, one per past day, at its first hour; for a fixed cost, one per month, at its first hour.

    A correction has the hour that it corrects, the month that it is charged in, and no unit price.
    """

    hour = models.DateTimeField(help_text="UTC.")
    hours = models.SmallIntegerField(
        default=1,
        help_text="Number of hours that it covers. More than one only for stored data of a past day.",
    )
    tier = models.SmallIntegerField(
        help_text="0 for the first tier. For platform costs, the number of the cost."
    )
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+", db_index=False, null=True)
    label = models.TextField(
        blank=True, help_text="For platform costs, the name of the cost and how it was shared."
    )
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
    """The sum of a day's charges, read by pages about months. Written together with the charges."""

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


def parse_month(text: str) -> date:
    """Parse a month such as 2026-09 and return its first day. Raises ValueError with a sentence."""
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text, re.ASCII)
    if not found or not 1 <= int(found[2]) <= 12 or int(found[1]) < 1:
        raise ValueError("Write a month like 2026-09.")
    return date(int(found[1]), int(found[2]), 1)
