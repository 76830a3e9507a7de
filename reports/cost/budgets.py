"""Budgets: how owners stand against what they mean to spend. From charges and forecasts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from reports.cost.accuracy import LEAST_KNOWN
from reports.cost.budget import Budget, Threshold
from reports.cost.forecasting import Forecast, forecasts
from reports.cost.month import BillingMonth
from reports.cost.numbers import HUNDRED, ZERO, quotient
from reports.cost.reading import Owners

PARTS = ((Threshold.HALF, 50), (Threshold.MOST, 80), (Threshold.ALL, 100))


@dataclass(frozen=True, slots=True)
class Standing:
    """An owner's month against its budget."""

    owner_id: int
    amount: Decimal
    currency: str
    forecast: Forecast

    @property
    def used(self) -> Decimal:
        """The part that is used, of 1."""
        return quotient(self.forecast.so_far, self.amount)

    @property
    def expected_use(self) -> Decimal | None:
        """The part that will have been used."""
        return None if self.forecast.expected is None else quotient(self.forecast.expected, self.amount)

    @property
    def will_exceed(self) -> bool:
        """Whether the forecast says so, and knows enough to be heeded."""
        expected = self.forecast.expected
        return expected is not None and expected > self.amount and self.forecast.known >= LEAST_KNOWN

    @property
    def passed(self) -> tuple[Threshold, ...]:
        """The thresholds that are passed, the gravest last."""
        percent = self.used * HUNDRED
        passed = {threshold for threshold, part in PARTS if percent >= part}
        if self.will_exceed:
            passed.add(Threshold.FORECAST)
        return tuple(each for each in Threshold if each in passed)


def amounts(month: date, owners: Owners = None) -> dict[int, Decimal]:
    """The budget of each owner that has one in a month."""
    rows = Budget.objects.filter(first_month__lte=month)
    if owners is not None:
        rows = rows.filter(owner_id__in=list(owners))
    newest = rows.order_by("owner_id", "-first_month").distinct("owner_id")
    return {row.owner_id: row.amount for row in newest if row.amount}


def standings(month: date, owners: Owners, now: datetime) -> list[Standing]:
    """How each owner with a budget stands, the one that used most of it first; four statements."""
    found = amounts(month, owners)
    known = forecasts(month, list(found), now)
    currencies = _currencies(month, found)
    nothing = Forecast(ZERO, None, {})
    made = [
        Standing(owner_id, amount, currencies.get(owner_id, ""), known.get(owner_id, nothing))
        for owner_id, amount in found.items()
    ]
    return sorted(made, key=lambda each: (-each.used, each.owner_id))


def _currencies(month: date, owners: Iterable[int]) -> dict[int, str]:
    rows = BillingMonth.objects.filter(month=month, organization__owners__in=list(owners))
    return dict(rows.values_list("organization__owners", "currency"))
