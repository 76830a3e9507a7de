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
    known: int = 0  # whole days that it was made from


def forecast(month: date, owners: Owners, now: datetime, **only: Any) -> Forecast:
    """The forecast of a month, as of a time (UTC). Of a month that is over: what it cost.

    `only` narrows to values of columns of ChargeDay.
    """
    so_far = total(month, owners, **only).cost
    found = _known(month, owners, now, only, by_owner=False)
    return _forecast(so_far, found.get(None, _Days({}, {})), now.date(), next_month(month))


def forecasts(month: date, owners: Owners, now: datetime) -> dict[int, Forecast]:
    """The same for each owner that has charges in the month; three statements."""
    rows = ChargeDay.objects.filter(billing_month__month=month)
    if owners is not None:
        rows = rows.filter(owner_id__in=list(owners))
    so_far = dict(rows.values_list("owner_id").annotate(costs=Sum("cost")).order_by())
    found = _known(month, owners, now, {}, by_owner=True)
    end = next_month(month)
    return {
        owner_id: _forecast(cost, found.get(owner_id, _Days({}, {})), now.date(), end)
        for owner_id, cost in so_far.items()
    }


@dataclass(frozen=True, slots=True)
class _Days:
    """What the last days cost."""

    metered: dict[date, Decimal]
    stored: dict[date, Decimal]


def _known(
    month: date, owners: Owners, now: datetime, only: Mapping[str, Any], *, by_owner: bool
) -> dict[int | None, _Days]:
    """What the last weeks cost, of each owner or of all (None)."""
    today = now.date()
    if today >= next_month(month):
        return {}
    since = today - WEEKS * 7 * DAY
    rows = ChargeDay.objects.filter(day__gte=since, day__lte=today, is_correction=False, **only)
    if owners is not None:
        rows = rows.filter(owner_id__in=list(owners))
    keys = ("owner_id", "day", "meter") if by_owner else ("day", "meter")
    sums = rows.exclude(meter=PLATFORM).values(*keys).annotate(costs=Sum("cost")).order_by()
    found: dict[int | None, _Days] = defaultdict(lambda: _Days(defaultdict(_zero), defaultdict(_zero)))
    for row in sums:
        days = found[row.get("owner_id")]
        (days.stored if row["meter"] == STORED else days.metered)[row["day"]] += row["costs"]
    return found


def _zero() -> Decimal:
    return ZERO


def _forecast(so_far: Decimal, known: _Days, today: date, end: date) -> Forecast:
    if today >= end:
        return Forecast(so_far, so_far, {})
    days = expect(known.metered, known.stored, today, end)
    if days is None:
        return Forecast(so_far, None, {})
    running = known.metered.get(today, ZERO) + known.stored.get(today, ZERO)
    days = {today: max(days.pop(today), running), **days}
    first = min({*known.metered, *known.stored})
    return Forecast(so_far, so_far - running + sum(days.values(), ZERO), days, (today - first).days)


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
