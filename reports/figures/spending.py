"""Spending: what a period cost, and the month that it ends in (UTC). From charges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from reports.cost import budgets
from reports.cost.analysis import totals as charges
from reports.cost.analysis.forecasts import forecast
from reports.cost.budgets import Standing
from reports.cost.numbers import sum_of
from reports.periods import DAY, Period, month_of


@dataclass(frozen=True, slots=True)
class Spending:
    """All in one currency."""

    currency: str
    used: Decimal | None  # in the hours of the period; fixed costs and corrections are of no hour
    used_before: Decimal | None  # both are None where the period is the month itself
    month: date
    so_far: Decimal  # all of the month's cost
    expected: Decimal | None  # at its end; None where too little is known
    month_before: Decimal
    standings: tuple[Standing, ...]  # of the owners that have a budget in the month, the fullest first


def spending(period: Period, owners: Sequence[int], now: datetime) -> Spending | None:
    """None where nothing was charged, or in several currencies: sums of these would mean nothing."""
    month = month_of(period.last)
    before = period.before().as_far_as(period, now)
    first = month_of(min(before.since.astimezone(UTC).date(), month - DAY))
    currencies = charges.currencies(first, month, owners)
    if len(currencies) != 1:
        return None
    found = forecast(month, owners, now)
    return Spending(
        currency=currencies.pop(),
        used=None if period.is_month else _used(period, owners),
        used_before=None if period.is_month else _used(before, owners),
        month=month,
        so_far=found.so_far,
        expected=found.expected,
        month_before=charges.total(month_of(month - DAY), owners).cost,
        standings=tuple(budgets.standings(month, owners, now)),
    )


def _used(period: Period, owners: Sequence[int]) -> Decimal:
    """Of the whole UTC hours that begin in a period."""
    period = period.by_utc_hours()
    return sum_of(point.cost for point in charges.hourly(period.since, period.until, "owner", owners))
