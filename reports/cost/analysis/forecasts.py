"""Forecasts of a month's cost, and how far past forecasts were off.

The method: past days count as charged, including platform costs and corrections. For today and the days to
come, events and ingested data cost the average of the same weekday over the last four weeks (or of all days,
if there is no such weekday). Stored data costs what it cost yesterday, plus the average daily change over
the last seven days for each day to come. Today costs at least what it has already cost. There is no forecast
without at least one whole past day.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from reports.cost.analysis.totals import Owners, total
from reports.cost.charges import ChargeDay
from reports.cost.meters import PLATFORM, STORED
from reports.cost.numbers import ONE, ZERO, quotient, sum_of
from reports.periods import month_of, next_month

DAY = timedelta(days=1)
WEEKS, TREND = 4, 7
MONTHS = 3  # past months at most by which a forecast's range is measured
LEAST_KNOWN = 7  # days that a forecast must be made from to be measured
Costs = Mapping[date, Decimal]


@dataclass(frozen=True, slots=True)
class DailyCosts:
    """Costs by day: of events and ingested data, and of stored data."""

    metered: Costs
    stored: Costs

    def cost(self, since: date, until: date) -> Decimal:
        """Return the cost of the days from `since` to `until` (exclusive)."""
        days = (since + number * DAY for number in range((until - since).days))
        return sum_of(self.metered.get(day, ZERO) + self.stored.get(day, ZERO) for day in days)

    @property
    def first(self) -> date | None:
        """The first day with a cost."""
        return min({*self.metered, *self.stored}, default=None)


NOTHING = DailyCosts({}, {})


@dataclass(frozen=True, slots=True)
class Forecast:
    """The cost of a month so far and the expected cost."""

    so_far: Decimal
    expected: Decimal | None  # None if too little is known
    days: Mapping[date, Decimal]  # expected costs of today and the days to come
    known: int = 0  # whole past days that it is based on


def forecast(month: date, owners: Owners, now: datetime, **only: Any) -> Forecast:
    """Return the forecast of a month as of a time (UTC); for a past month, what it cost.

    `only` filters by columns of ChargeDay.
    """
    so_far = total(month, owners, **only)
    end = next_month(month)
    if now.date() >= end:
        return Forecast(so_far, so_far, {})
    return _forecast(so_far, daily_costs(*_known_days(now), owners, **only), now.date(), end)


def forecasts_by_owner(month: date, owners: Owners, now: datetime) -> dict[int, Forecast]:
    """Return the forecasts of all owners that have charges in the month, in two statements."""
    rows = ChargeDay.objects.filter(billing_month__month=month)
    if owners is not None:
        rows = rows.filter(owner_id__in=list(owners))
    so_far = dict(rows.values_list("owner_id").annotate(costs=Sum("cost")).order_by())
    end = next_month(month)
    if now.date() >= end:
        return {owner_id: Forecast(cost, cost, {}) for owner_id, cost in so_far.items()}
    days = _daily_costs(*_known_days(now), owners, {}, by_owner=True)
    return {
        owner_id: _forecast(cost, days.get(owner_id, NOTHING), now.date(), end)
        for owner_id, cost in so_far.items()
    }


def _known_days(now: datetime) -> tuple[date, date]:
    """Return the days that a forecast is made from: the last weeks up to and including today."""
    today = now.date()
    return today - WEEKS * 7 * DAY, today + DAY


def _forecast(so_far: Decimal, known: DailyCosts, today: date, end: date) -> Forecast:
    days = expected_costs(known.metered, known.stored, today, end)
    if days is None:
        return Forecast(so_far, None, {})
    running = known.metered.get(today, ZERO) + known.stored.get(today, ZERO)
    days = {today: max(days.pop(today), running), **days}
    first = min({*known.metered, *known.stored})
    return Forecast(so_far, so_far - running + sum(days.values(), ZERO), days, (today - first).days)


def expected_costs(metered: Costs, stored: Costs, today: date, end: date) -> dict[date, Decimal] | None:
    """Return the expected cost of each day from `today` until `end`; None without a whole past day."""
    known = [day for day in {*metered, *stored} if day < today]
    if not known:
        return None
    first = min(known)
    whole = [first + number * DAY for number in range((today - first).days)]  # a day without charges costs 0
    weekdays = {weekday: [day for day in whole if day.weekday() == weekday] for weekday in range(7)}
    last, change = _trend(stored, whole[-TREND - 1 :])
    return {
        day: _average(metered, weekdays[day.weekday()] or whole) + max(last + change * number, ZERO)
        for number, day in enumerate((today + number * DAY for number in range((end - today).days)), 1)
    }


def _trend(stored: Costs, days: list[date]) -> tuple[Decimal, Decimal]:
    """Return what stored data cost on the last day, and the average daily change."""
    first, last = stored.get(days[0], ZERO), stored.get(days[-1], ZERO)
    return last, quotient(last - first, Decimal(len(days) - 1)) if len(days) > 1 else ZERO


def _average(costs: Costs, days: list[date]) -> Decimal:
    return quotient(sum((costs.get(day, ZERO) for day in days), ZERO), Decimal(len(days)))


@dataclass(frozen=True, slots=True)
class ForecastError:
    """A forecast made within a past month, and what the rest of the month then cost."""

    expected: Decimal  # cost of the remaining days
    actual: Decimal
    before: Decimal  # cost of the days before

    @property
    def of_rest(self) -> Decimal | None:
        """The error as a share of the expected cost; None if nothing was expected."""
        return abs(quotient(self.actual, self.expected) - ONE) if self.expected else None

    @property
    def of_month(self) -> Decimal | None:
        """The error as a share of what the whole month cost."""
        whole = self.before + self.actual
        return quotient(abs(self.expected - self.actual), whole) if whole else None


def daily_costs(since: date, until: date, owners: Owners = None, **only: object) -> DailyCosts:
    """Return what days cost, without platform costs and corrections.

    `only` filters by columns of ChargeDay.
    """
    return _daily_costs(since, until, owners, only, by_owner=False).get(None, NOTHING)


def _daily_costs(
    since: date, until: date, owners: Owners, only: Mapping[str, object], *, by_owner: bool
) -> dict[int | None, DailyCosts]:
    """Return daily costs by owner, or of all owners together under None."""
    rows = ChargeDay.objects.filter(day__gte=since, day__lt=until, is_correction=False, **only)
    if owners is not None:
        rows = rows.filter(owner_id__in=list(owners))
    keys = ("owner_id", "day", "meter") if by_owner else ("day", "meter")
    sums = rows.exclude(meter=PLATFORM).values(*keys).annotate(costs=Sum("cost")).order_by()
    found: dict[int | None, tuple[dict[date, Decimal], dict[date, Decimal]]] = {}
    for row in sums:
        metered, stored = found.setdefault(row.get("owner_id"), ({}, {}))
        costs = stored if row["meter"] == STORED else metered
        costs[row["day"]] = costs.get(row["day"], ZERO) + row["costs"]
    return {owner_id: DailyCosts(*costs) for owner_id, costs in found.items()}


def measure_error(days: DailyCosts, month: date, over: int) -> ForecastError | None:
    """Measure the forecast made after `over` days of a month; None if too little was known."""
    today, end = month + over * DAY, next_month(month)
    if days.first is None or (today - days.first).days < LEAST_KNOWN or today >= end:
        return None
    since = today - WEEKS * 7 * DAY
    found = expected_costs(
        _between(days.metered, since, today), _between(days.stored, since, today), today, end
    )
    if found is None:
        return None
    return ForecastError(sum_of(found.values()), days.cost(today, end), days.cost(month, today))


def worst_error(month: date, over: int, owners: Owners = None, **only: object) -> Decimal | None:
    """Return the worst relative error of the forecasts made on the same day of the last months.

    None if no earlier month is known well enough.
    """
    before = [month_of(month - DAY)]
    while len(before) < MONTHS:
        before.append(month_of(before[-1] - DAY))
    days = daily_costs(before[-1] - WEEKS * 7 * DAY, month, owners, **only)
    found = (measure_error(days, each, over) for each in before)
    return max((each.of_rest for each in found if each and each.of_rest is not None), default=None)


def mean_errors(days: DailyCosts, months: Iterable[date]) -> dict[int, Decimal]:
    """Return the mean absolute percentage error (MAPE) of forecasts, by the number of days that were over."""
    errors: dict[int, list[Decimal]] = defaultdict(list)
    for month in months:
        for over in range((next_month(month) - month).days):
            found = measure_error(days, month, over)
            if found is not None and found.of_month is not None:
                errors[over].append(found.of_month)
    return {over: quotient(sum_of(found), Decimal(len(found))) for over, found in sorted(errors.items())}


def _between(costs: Costs, since: date, until: date) -> dict[date, Decimal]:
    return {day: cost for day, cost in costs.items() if since <= day < until}
