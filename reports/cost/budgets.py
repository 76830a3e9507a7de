"""Budgets: what owners mean to spend in a month, what they have spent, and the thresholds they passed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models

from events.ownership.owner import Owner
from reports.cost.analysis.forecasts import LEAST_KNOWN, Forecast, forecasts_by_owner
from reports.cost.analysis.totals import Owners
from reports.cost.charges import BillingMonth
from reports.cost.numbers import HUNDRED, ZERO, ExactField, quotient


class Budget(models.Model):
    """A monthly amount from a month on, until the owner's next budget."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="budgets")
    first_month = models.DateField(
        help_text="Any day of the first month (UTC). The budget applies from that month until the next"
        " budget."
    )
    amount = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        validators=[MinValueValidator(Decimal(0))],
        help_text="Amount per month, in the currency of the owner's charges. 0: no budget from that month"
        " on.",
    )

    class Meta:
        ordering = ["owner", "-first_month"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "first_month"],
                name="budget_once",
                violation_error_message="This owner already has a budget from that month on. Change that"
                " one.",
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0) & models.Q(first_month__day=1), name="budget_is_of_month"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:,.2f} a month for {self.owner} from {self.first_month:%Y-%m}"


class Threshold(models.TextChoices):
    """The thresholds of a budget that leads are told of, in order of severity."""

    HALF = "50", "50 % used"
    MOST = "80", "80 % used"
    FORECAST = "forecast", "expected to be exceeded"
    ALL = "100", "100 % used"


class BudgetNotice(models.Model):
    """A threshold passed in a month, noted once, in the transaction that queues the mail."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    month = models.DateField(help_text="First day of the month.")
    threshold = models.CharField(max_length=8, choices=Threshold)
    amount = models.DecimalField(max_digits=14, decimal_places=2, help_text="Budget at that time.")
    cost = ExactField(help_text="Cost of the month up to that time.")
    expected = ExactField(null=True, help_text="Expected cost of the month.")
    noticed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "month", "threshold"], name="budget_notice_once")
        ]

    def __str__(self) -> str:
        return f"{self.owner} in {self.month:%Y-%m}: {self.get_threshold_display()}"


PERCENTS = ((Threshold.HALF, 50), (Threshold.MOST, 80), (Threshold.ALL, 100))


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """An owner's spending in a month against its budget."""

    owner_id: int
    amount: Decimal
    currency: str
    forecast: Forecast

    @property
    def used(self) -> Decimal:
        """The share of the budget that is used (1 is all)."""
        return quotient(self.forecast.so_far, self.amount)

    @property
    def expected_use(self) -> Decimal | None:
        """The share expected to be used by the end of the month."""
        return None if self.forecast.expected is None else quotient(self.forecast.expected, self.amount)

    @property
    def will_exceed(self) -> bool:
        """True if the forecast says so and is based on enough days."""
        expected = self.forecast.expected
        return expected is not None and expected > self.amount and self.forecast.known >= LEAST_KNOWN

    @property
    def passed(self) -> tuple[Threshold, ...]:
        """The thresholds passed, the most serious last."""
        percent = self.used * HUNDRED
        passed = {threshold for threshold, part in PERCENTS if percent >= part}
        if self.will_exceed:
            passed.add(Threshold.FORECAST)
        return tuple(each for each in Threshold if each in passed)


def budget_amounts(month: date, owners: Owners = None) -> dict[int, Decimal]:
    """Return the budgets in force in a month, by owner."""
    rows = Budget.objects.filter(first_month__lte=month)
    if owners is not None:
        rows = rows.filter(owner_id__in=list(owners))
    newest = rows.order_by("owner_id", "-first_month").distinct("owner_id")
    return {row.owner_id: row.amount for row in newest if row.amount}


def budget_statuses(month: date, owners: Owners, now: datetime) -> list[BudgetStatus]:
    """Return the status of each owner with a budget, the most used first, in four statements."""
    found = budget_amounts(month, owners)
    known = forecasts_by_owner(month, list(found), now)
    currencies = _currencies(month, found)
    nothing = Forecast(ZERO, None, {})
    made = [
        BudgetStatus(owner_id, amount, currencies.get(owner_id, ""), known.get(owner_id, nothing))
        for owner_id, amount in found.items()
    ]
    return sorted(made, key=lambda each: (-each.used, each.owner_id))


def _currencies(month: date, owners: Iterable[int]) -> dict[int, str]:
    rows = BillingMonth.objects.filter(month=month, organization__owners__in=list(owners))
    return dict(rows.values_list("organization__owners", "currency"))
