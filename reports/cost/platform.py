"""Platform cost: what the platform itself costs in a month, whoever sends; owners share it."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from events.ownership.organization import Organization
from reports.cost.numbers import ZERO


class Method(models.TextChoices):
    """How a fixed cost is shared."""

    EVENLY = "evenly", "Evenly among the owners that sent or kept something in the month"
    EVENTS = "events", "In proportion to accepted events"
    INGESTED = "ingested", "In proportion to ingested data"
    STORED = "stored", "In proportion to stored data"


class PlatformCost(models.Model):
    """A fixed cost of every month from one to another, shared by largest remainder, so to the last cent."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        related_name="platform_costs",
        null=True,
        blank=True,
        help_text="Who bears it. Empty: every organization bears the whole of it.",
    )
    name = models.CharField(max_length=100, help_text="What it is for.")
    amount = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        validators=[MinValueValidator(ZERO)],
        help_text="A month, in the currency of the organization's plan.",
    )
    method = models.CharField(max_length=10, choices=Method, default=Method.INGESTED)
    first_month = models.DateField(help_text="First day of the first month.")
    last_month = models.DateField(
        null=True, blank=True, help_text="First day of the last month; empty: without end."
    )

    class Meta:
        ordering = ["organization", "name", "first_month"]
        verbose_name = "platform cost"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="platform_cost_not_negative"),
            models.CheckConstraint(
                condition=models.Q(first_month__day=1)
                & (models.Q(last_month=None) | models.Q(last_month__day=1)),
                name="platform_cost_by_month",
                violation_error_message="Months are given by their first day.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Months that are none would be charged to nobody, in silence."""
        months = [month for month in (self.first_month, self.last_month) if month]
        if months != sorted(months):
            raise ValidationError({"last_month": "It must not be before the first month."})
