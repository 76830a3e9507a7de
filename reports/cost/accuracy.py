"""Accuracy: how far forecasts were off, had they been made in months that are over."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from reports.cost.charge import ChargeDay
from reports.cost.forecasting import DAY, WEEKS, Costs, expect
from reports.cost.meters import PLATFORM, STORED
from reports.cost.numbers import ONE, ZERO, quotient, sum_of
from reports.cost.reading import Owners
from reports.periods import month_of, next_month

MONTHS = 3  # that a range is measured by, at the most
LEAST_KNOWN = 7  # days that a forecast must have had before it to be measured


@dataclass(frozen=True, slots=True)
class Daily:
    """What days cost: by what came in, and by what was kept."""

    metered: Costs
    stored: Costs

    def cost(self, since: date, until: date) -> Decimal:
        """Of the days from one to another, exclusive."""
        days = (since + number * DAY for number in range((until - since).days))
        return sum_of(self.metered.get(day, ZERO) + self.stored.get(day, ZERO) for day in days)

    @property
    def first(self) -> date | None:
        """The first day that has any."""
        return min({*self.metered, *self.stored}, default=None)


@dataclass(frozen=True, slots=True)
class Missed:
    """A forecast that was made when some days of a month were over, beside what came."""

    expected: Decimal  # of the days that were to come
    came: Decimal
    before: Decimal  # what the days before had cost

    @property
    def of_rest(self) -> Decimal | None:
        """By which part of what it expected the days to come differed; None where it expected nothing."""
        return abs(quotient(self.came, self.expected) - ONE) if self.expected else None

    @property
    def of_month(self) -> Decimal | None:
        """By which part of what the month cost it was off."""
        whole = self.before + self.came
        return quotient(abs(self.expected - self.came), whole) if whole else None


def daily(since: date, until: date, owners: Owners = None, **only: Any) -> Daily:
    """What days cost, without fixed costs and corrections. `only` narrows columns of ChargeDay."""
    rows = ChargeDay.objects.filter(day__gte=since, day__lt=until, is_correction=False, **only)
    if owners is not None:
        rows = rows.filter(owner_id__in=list(owners))
    metered: dict[date, Decimal] = defaultdict(lambda: ZERO)
    stored: dict[date, Decimal] = defaultdict(lambda: ZERO)
    sums = rows.exclude(meter=PLATFORM).values("day", "meter").annotate(costs=Sum("cost")).order_by()
    for row in sums:
        (stored if row["meter"] == STORED else metered)[row["day"]] += row["costs"]
    return Daily(dict(metered), dict(stored))


def missed(days: Daily, month: date, over: int) -> Missed | None:
    """The forecast of a month as made when `over` days of it were over; None where too little was known."""
    today, end = month + over * DAY, next_month(month)
    if days.first is None or (today - days.first).days < LEAST_KNOWN or today >= end:
        return None
    since = today - WEEKS * 7 * DAY
    found = expect(_between(days.metered, since, today), _between(days.stored, since, today), today, end)
    if found is None:
        return None
    return Missed(sum_of(found.values()), days.cost(today, end), days.cost(month, today))


def spread(month: date, over: int, owners: Owners = None, **only: Any) -> Decimal | None:
    """By which part of what is expected of the days to come the last months differed, the worst of them.

    None where no month before is known well enough.
    """
    before = [month_of(month - DAY)]
    while len(before) < MONTHS:
        before.append(month_of(before[-1] - DAY))
    days = daily(before[-1] - WEEKS * 7 * DAY, month, owners, **only)
    found = (missed(days, each, over) for each in before)
    return max((each.of_rest for each in found if each and each.of_rest is not None), default=None)


def mean_errors(days: Daily, months: Iterable[date]) -> dict[int, Decimal]:
    """By how many days of a month were over: the mean of absolute errors, as parts of what it cost (MAPE)."""
    errors: dict[int, list[Decimal]] = defaultdict(list)
    for month in months:
        for over in range((next_month(month) - month).days):
            found = missed(days, month, over)
            if found is not None and found.of_month is not None:
                errors[over].append(found.of_month)
    return {over: quotient(sum_of(found), Decimal(len(found))) for over, found in sorted(errors.items())}


def _between(costs: Costs, since: date, until: date) -> dict[date, Decimal]:
    return {day: cost for day, cost in costs.items() if since <= day < until}
