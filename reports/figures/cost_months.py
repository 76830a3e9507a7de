"""Cost of months: what each of a year cost, by one dimension. From daily sums of charges."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from reports.cost.charges import ChargeDay
from reports.cost.meters import PLATFORM
from reports.cost.numbers import ZERO
from reports.figures.cost import DIMENSIONS, Question
from reports.periods import DAY, month_of

YEAR = 12  # months


def back(month: date, count: int) -> date:
    """The first day of the month so many months before."""
    for _ in range(count):
        month = month_of(month - DAY)
    return month


def of_months(asked: Question, first: date, last: date, by: str) -> dict[date, dict[Any, Decimal]]:
    """All that each month cost, by key of one of DIMENSIONS. Fixed costs are of no kind and no dialect."""
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
    months: dict[date, dict[Any, Decimal]] = {}
    for row in found.order_by():
        costs = months.setdefault(row["billing_month__month"], {})
        _add(costs, row[column], row["usage"])
        _add(costs, None if by in ("kind", "dialect") else row[column], row["fixed"])
    return months


def _add(costs: dict[Any, Decimal], key: Any, cost: Decimal) -> None:
    if cost:
        costs[key] = costs.get(key, ZERO) + cost


def total_of(months: Mapping[date, Mapping[Any, Decimal]], month: date) -> Decimal:
    """What a month cost."""
    return sum(months.get(month, {}).values(), ZERO)
