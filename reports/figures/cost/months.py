"""Months: charges by month, open and closed months, and the spending in a month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db.models import Q, Sum

from reports.cost import budgets
from reports.cost.analysis import totals as charges
from reports.cost.analysis.forecasts import forecast
from reports.cost.budgets import BudgetStatus
from reports.cost.charges import BillingMonth, ChargeDay, month_start
from reports.cost.meters import PLATFORM
from reports.cost.numbers import ZERO, sum_of
from reports.figures.cost.charges import DIMENSIONS, CostQuery
from reports.periods import DAY, Period, month_of, next_month
from reports.query.relation import Key

YEAR = 12  # months


def back(month: date, count: int) -> date:
    """Return the first day of the month that many months earlier."""
    for _ in range(count):
        month = month_of(month - DAY)
    return month


def of_months(asked: CostQuery, first: date, last: date, by: str) -> dict[date, dict[Key, Decimal]]:
    """Return the cost of each month by one of DIMENSIONS. Fixed costs have no kind and no dialect."""
    rows = ChargeDay.objects.filter(
        billing_month__month__gte=first, billing_month__month__lte=last, **asked.only
    )
    if asked.owners is not None:
        rows = rows.filter(owner_id__in=asked.owners)
    column = DIMENSIONS[by]
    found = rows.values("billing_month__month", column).annotate(
        usage=Sum("cost", filter=~Q(meter=PLATFORM), default=ZERO),
        fixed=Sum("cost", filter=Q(meter=PLATFORM), default=ZERO),
    )
    months: dict[date, dict[Key, Decimal]] = {}
    for row in found.order_by():
        costs = months.setdefault(row["billing_month__month"], {})
        _add(costs, row[column], row["usage"])
        _add(costs, None if by in ("kind", "dialect") else row[column], row["fixed"])
    return months


def _add(costs: dict[Key, Decimal], key: Key, cost: Decimal) -> None:
    if cost:
        costs[key] = costs.get(key, ZERO) + cost


def total_of(months: Mapping[date, Mapping[Key, Decimal]], month: date) -> Decimal:
    """Return the cost of a month."""
    return sum(months.get(month, {}).values(), ZERO)


MOST = 500


@dataclass(frozen=True, slots=True)
class Month:
    """A month of an organization."""

    organization_id: int
    organization: str
    month: date
    currency: str
    cost: Decimal
    corrections: Decimal
    charged_until: datetime | None
    closed_at: datetime | None
    closed_by: str
    is_first_open: bool  # earlier months are closed

    @property
    def is_closed(self) -> bool:
        """True if it is final."""
        return self.closed_at is not None

    def is_due(self, now: datetime) -> bool:
        """True if it can be closed."""
        return self.is_first_open and not self.is_closed and now >= month_start(next_month(self.month))

    def state(self, now: datetime) -> str:
        """Return the state in a word or two."""
        if self.is_closed:
            return "closed"
        if now < month_start(next_month(self.month)):
            return "running"
        return "open: close it" if self.is_first_open else "open, until the one before is closed"


def months() -> list[Month]:
    """Return the months of all organizations, newest first, in two statements."""
    rows = list(BillingMonth.objects.select_related("organization").order_by("-month", "organization")[:MOST])
    found = ChargeDay.objects.filter(billing_month__in=[row.pk for row in rows])
    sums = {
        key: (cost, corrections)
        for key, cost, corrections in found.values_list("billing_month_id")
        .annotate(costs=Sum("cost"), corrections=Sum("cost", filter=Q(is_correction=True), default=ZERO))
        .order_by()
    }
    first: dict[int, date] = {}
    for row in rows:
        if not row.is_closed:
            first[row.organization_id] = row.month  # The newest come first, so the oldest remains.
    return [
        Month(
            row.organization_id,
            row.organization.name,
            row.month,
            row.currency,
            *sums.get(row.pk, (ZERO, ZERO)),
            row.charged_until,
            row.closed_at,
            row.closed_by,
            first.get(row.organization_id) == row.month,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Spending:
    """Spending in one currency."""

    currency: str
    used: Decimal | None  # in the hours of the period; fixed costs and corrections are of no hour
    used_before: Decimal | None  # both are None where the period is the month itself
    month: date
    so_far: Decimal  # all of the month's cost
    expected: Decimal | None  # at its end; None where too little is known
    month_before: Decimal
    standings: tuple[BudgetStatus, ...]  # of the owners that have a budget in the month, the fullest first


def spending(period: Period, owners: Sequence[int], now: datetime) -> Spending | None:
    """Return the spending. None if nothing was charged, or in several currencies, which can't be added."""
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
        month_before=charges.total(month_of(month - DAY), owners),
        standings=tuple(budgets.budget_statuses(month, owners, now)),
    )


def _used(period: Period, owners: Sequence[int]) -> Decimal:
    """Return the cost of the whole UTC hours that begin in a period."""
    period = period.by_utc_hours()
    return sum_of(point.cost for point in charges.hourly_costs(period.since, period.until, "owner", owners))
