"""Forecasting: what a month will cost when it is over, from the days that are.

The method. Days that are over count as charged, fixed costs and corrections too. For the day that runs and
the days to come: events and ingested data cost what the same weekday cost on average over the last four weeks
that are there (a weekday without one: the average of all days). Stored data costs what it cost on the last
whole day, and each day more by the average daily change over the last seven. The day that runs is at least
what it has cost already. Without a whole day before it there is no forecast.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from reports.cost.charge import ChargeDay
from reports.cost.meters import PLATFORM, STORED
from reports.cost.numbers import ZERO, quotient
from reports.cost.reading import Owners, total
from reports.periods import next_month

DAY = timedelta(days=1)
WEEKS, TREND = 4, 7
Costs = Mapping[date, Decimal]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a month has cost so far and is going to cost."""

    so_far: Decimal
    expected: Decimal | None  # None: too little is known
    days: Mapping[date, Decimal]  # that are expected, the running one first


def forecast(month: date, owners: Owners, now: datetime, **only: Any) -> Forecast:
    """The forecast of a month, as of a time (UTC). Of a month that is over: what it cost.

    `only` narrows to values of columns of ChargeDay.
    """
    today, end = now.date(), next_month(month)
    so_far = total(month, owners, **only).cost
    if today >= end:
        return Forecast(so_far, so_far, {})
    since = today - WEEKS * 7 * DAY
    rows = ChargeDay.objects.filter(day__gte=since, day__lte=today, is_correction=False, **only)
    if owners is not None:
        rows = rows.filter(owner_id__in=list(owners))
    metered: dict[date, Decimal] = defaultdict(lambda: ZERO)
    stored: dict[date, Decimal] = defaultdict(lambda: ZERO)
    sums = rows.exclude(meter=PLATFORM).values("day", "meter").annotate(costs=Sum("cost")).order_by()
    for row in sums:
        (stored if row["meter"] == STORED else metered)[row["day"]] += row["costs"]
    days = expect(metered, stored, today, end)
    if days is None:
        return Forecast(so_far, None, {})
    running = metered[today] + stored[today]
    days = {today: max(days.pop(today), running), **days}
    return Forecast(so_far, so_far - running + sum(days.values(), ZERO), days)


def expect(metered: Costs, stored: Costs, today: date, end: date) -> dict[date, Decimal] | None:
    """What each day from `today` to `end` (exclusive) is going to cost; None without a whole day before."""
    known = [day for day in {*metered, *stored} if day < today]
    if not known:
        return None
    first = min(known)
    whole = [first + number * DAY for number in range((today - first).days)]  # a day of none costs 0
    weekdays = {weekday: [day for day in whole if day.weekday() == weekday] for weekday in range(7)}
    kept, more = _trend(stored, whole[-TREND - 1 :])
    return {
        day: _average(metered, weekdays[day.weekday()] or whole) + max(kept + more * number, ZERO)
        for number, day in enumerate((today + number * DAY for number in range((end - today).days)), 1)
    }


def _trend(stored: Costs, days: list[date]) -> tuple[Decimal, Decimal]:
    """What is kept cost on the last day, and by how much more each day."""
    first, last = stored.get(days[0], ZERO), stored.get(days[-1], ZERO)
    return last, quotient(last - first, Decimal(len(days) - 1)) if len(days) > 1 else ZERO


def _average(costs: Costs, days: list[date]) -> Decimal:
    return quotient(sum((costs.get(day, ZERO) for day in days), ZERO), Decimal(len(days)))
