"""Budget: what an owner means to spend in a month, and which of its thresholds were passed."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models

from events.ownership.owner import Owner
from reports.cost.numbers import ExactField


class Budget(models.Model):
    """An amount for each month from one on, until a later budget of the same owner."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="budgets")
    first_month = models.DateField(
        help_text="Any day of the first month (UTC). It holds for each month from then on, until a newer one."
    )
    amount = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        validators=[MinValueValidator(Decimal(0))],
        help_text="A month, in the currency of the owner's charges. 0: no budget from then on.",
    )

    class Meta:
        ordering = ["owner", "-first_month"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "first_month"],
                name="budget_once",
                violation_error_message="This owner has a budget from that month on: change that one.",
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0) & models.Q(first_month__day=1), name="budget_is_of_month"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:,.2f} a month for {self.owner} from {self.first_month:%Y-%m}"


class Threshold(models.TextChoices):
    """What can be passed of a budget, the least first."""

    HALF = "50", "50 % used"
    MOST = "80", "80 % used"
    FORECAST = "forecast", "expected to be exceeded"
    ALL = "100", "100 % used"


class BudgetNotice(models.Model):
    """That a threshold was passed in a month: noted once, in the transaction that has the mail sent."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    month = models.DateField(help_text="Its first day.")
    threshold = models.CharField(max_length=8, choices=Threshold)
    amount = models.DecimalField(max_digits=14, decimal_places=2, help_text="The budget then.")
    cost = ExactField(help_text="What the month had cost by then.")
    expected = ExactField(null=True, help_text="What it was expected to cost.")
    noticed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "month", "threshold"], name="budget_notice_once")
        ]

    def __str__(self) -> str:
        return f"{self.owner} in {self.month:%Y-%m}: {self.get_threshold_display()}"
