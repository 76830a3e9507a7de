"""Forecasting: what a month will cost when it is over, from the days that are.

The method. Days that are over count as charged, fixed costs and corrections too. For the day that runs and
the days to come: events and ingested data cost what the same weekday cost on average over the last four weeks
that are there (a weekday without one: the average of all days). Stored data costs what it cost on the last
whole day, and each day more by the average daily change over the last seven. The day that runs is at least
what it has cost already. Without a whole day before it there is no forecast.
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


def forecasts_by_owner(month: date, owners: Owners, now: datetime) -> dict[int, Forecast]:
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
