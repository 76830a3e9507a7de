"""Billing month: the charges of one organization in one calendar month (UTC), open until it is closed."""

from datetime import UTC, date, datetime, timedelta

from django.db import models

from events.ownership.organization import Organization
from events.ownership.owner import Owner
from reports.periods import next_month

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class State(models.TextChoices):
    """Whether charges may change."""

    OPEN = "open", "Open: charges follow usage"
    CLOSED = "closed", "Closed: charges stay as they are"


class BillingMonth(models.Model):
    """A month of an organization. The database lets nobody open a closed one, or touch its charges."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="billing_months")
    month = models.DateField(help_text="Its first day.")
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.TextField(blank=True, help_text="Who closed it, as called then.")
    charged_until = models.DateTimeField(null=True, help_text="The hours before it have charges.")
    terms = models.TextField(blank=True, help_text="Hash of the prices that its charges were computed with.")

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
        """Whether its charges stay as they are."""
        return self.state == State.CLOSED

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return begin_of(self.month)

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        return begin_of(next_month(self.month))

    @property
    def hours(self) -> int:
        """How many hours it has."""
        return (self.until - self.since) // HOUR


class ChargedHour(models.Model):
    """What an owner's usage of an hour looked like when it was charged. Where it differs, it changed."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+", db_index=False)
    hour = models.DateTimeField()
    fingerprint = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "hour"], name="charged_hour_once")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00}"


def begin_of(month: date) -> datetime:
    """The first moment of a month, UTC."""
    return datetime(month.year, month.month, 1, tzinfo=UTC)
