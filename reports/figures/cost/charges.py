"""Cost: the cost of a month, why it differs from the previous month, and where it comes from.

Read from daily sums of charges, by time of receipt (UTC). The current month is compared by its past days with
the same number of days of the previous month.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from events.ownership.source import OVERFLOW, UNKNOWN
from reports.cost.analysis import comparison, forecasts
from reports.cost.analysis.comparison import CostChange
from reports.cost.analysis.forecasts import Forecast
from reports.cost.charges import BillingMonth, ChargeDay
from reports.cost.meters import EVENTS, GB, INGESTED, ONE_MILLION, PLATFORM, REJECTED
from reports.cost.numbers import ONE, ZERO, quotient, sum_of
from reports.filters import Filters
from reports.periods import DAY, month_of, next_month
from reports.query.relation import Key, Keys

DIMENSIONS: Mapping[str, str] = {
    "source": "source_id",
    "kind": "kind",
    "dialect": "dialect",
    "meter": "meter",
    "owner": "owner_id",
}
CAUSES = 100  # of cost that are listed


@dataclass(frozen=True, slots=True)
class CostQuery:
    """A selection of a month's charges."""

    month: date  # its first day
    owners: tuple[int, ...] | None
    only: Mapping[str, object]  # values of columns of ChargeDay

    @property
    def before(self) -> date:
        """The month before."""
        return month_of(self.month - DAY)

    @property
    def is_narrowed(self) -> bool:
        """True if it covers only a part of what an owner pays."""
        return "source_id__in" in self.only or "kind__in" in self.only

    def rows(self, month: date | None = None) -> QuerySet[ChargeDay]:
        """Return the daily sums of this month, or of another one."""
        found = ChargeDay.objects.filter(billing_month__month=month or self.month, **self.only)
        return found if self.owners is None else found.filter(owner_id__in=self.owners)


def query(filters: Filters, month: date, currency: str) -> CostQuery:
    """Return a query for the charges of a month, in one currency."""
    only: dict[str, object] = {"billing_month__currency": currency}
    if filters.sources:
        only["source_id__in"] = filters.sources
    if filters.kinds:
        only["kind__in"] = filters.kinds
    return CostQuery(month, filters.owners, only)


@dataclass(frozen=True, slots=True)
class Part:
    """The cost of a part of a month: an owner, a source, a kind and so on."""

    keys: Keys
    cost: Decimal = ZERO
    list_cost: Decimal = ZERO
    corrections: Decimal = ZERO
    events: int = 0
    gb: Decimal = ZERO
    rejected: int = 0

    @property
    def per_million(self) -> Decimal | None:
        """Return the total cost per million accepted events."""
        return quotient(self.cost, self.events / ONE_MILLION) if self.events else None

    @property
    def bytes_per_event(self) -> Decimal | None:
        """Return the average size of an accepted event."""
        return quotient(self.gb * GB, Decimal(self.events)) if self.events else None


@dataclass(frozen=True, slots=True)
class Correction:
    """Corrections of a closed month."""

    month: date
    owner_id: int
    meter: str
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Known:
    """The months with charges, and their currencies and states."""

    months: tuple[date, ...]  # newest first
    currencies: tuple[str, ...]  # of the selected month
    open: int = 0  # organizations with an open month
    closed: int = 0
    charged_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MonthsCost:
    """All figures of a month."""

    query: CostQuery
    forecast: Forecast
    spread: Decimal | None  # by which part the days to come may differ from what is expected
    whole: Part
    before: Part
    change: CostChange | None  # and why; None where there is nothing to compare
    compared_days: int  # of the month that runs; 0: the whole months were compared
    days: Mapping[date, Mapping[Key, Decimal]]  # cost of each day by key
    parts: tuple[Part, ...]  # by the selected dimension, most expensive first
    parts_before: Mapping[Keys, Part]
    owners: tuple[Part, ...]
    owners_before: Mapping[Keys, Part]
    causes: tuple[Part, ...]  # by source and kind
    corrections: tuple[Correction, ...]
    unknown: Decimal  # cost of events that name no source
    overflow: Decimal  # cost of sources beyond those that an organization may have

    @property
    def lowest(self) -> Decimal | None:
        """Return the lowest expected cost of the month, based on the errors of past forecasts."""
        return self._expected(ONE - min(self.spread, ONE)) if self.spread is not None else None

    @property
    def highest(self) -> Decimal | None:
        """Return the highest expected cost."""
        return self._expected(ONE + self.spread) if self.spread is not None else None

    def _expected(self, factor: Decimal) -> Decimal | None:
        if self.forecast.expected is None:
            return None
        rest = self.forecast.expected - self.forecast.so_far
        return self.forecast.so_far + quotient(rest * factor, ONE)


def known(month: date, owners: tuple[int, ...] | None) -> Known:
    """Return the months of the owners' organizations, and the details of one, in one statement."""
    rows = BillingMonth.objects.all()
    if owners is not None:
        rows = rows.filter(organization__owners__in=owners).distinct()
    found = list(rows.order_by("-month", "pk").values_list("month", "currency", "state", "charged_until"))
    mine = [row for row in found if row[0] == month]
    return Known(
        months=tuple(dict.fromkeys(row[0] for row in found)),
        currencies=tuple(sorted({row[1] for row in mine})),
        open=sum(row[2] == "open" for row in mine),
        closed=sum(row[2] == "closed" for row in mine),
        charged_until=max((row[3] for row in mine if row[3]), default=None),
    )


def months_cost(asked: CostQuery, by: str, now: datetime) -> MonthsCost:
    """Return the figures of a month as of a time (UTC), in 14 statements."""
    over = min((now.date() - asked.month).days, (next_month(asked.month) - asked.month).days)
    runs = asked.month <= now.date() < next_month(asked.month)
    # Stored data is charged only for past hours, so the current day would look too cheap.
    days = over if runs else None
    months = (asked.before, asked.month)
    sides = [comparison.month_costs(month, asked.owners, days, **asked.only) for month in months]
    corrections = _corrections(asked)
    whole, before = _whole(asked.rows()), _whole(asked.rows(asked.before))
    return MonthsCost(
        query=asked,
        forecast=forecasts.forecast(asked.month, asked.owners, now, **asked.only),
        spread=forecasts.worst_error(asked.month, over, asked.owners, **asked.only) if runs else None,
        whole=whole,
        before=before,
        change=comparison.compare(*sides) if before.cost and days != 0 else None,
        compared_days=days or 0,
        days=_days(asked, by),
        parts=tuple(_split(asked.rows(), by)),
        parts_before={part.keys: part for part in _split(asked.rows(asked.before), by)},
        owners=tuple(_parts(asked.rows(), "owner")),
        owners_before={part.keys: part for part in _parts(asked.rows(asked.before), "owner")},
        causes=tuple(_parts(asked.rows().exclude(source=None), "source", "kind", most=CAUSES)),
        corrections=corrections,
        **_buckets(asked),
    )


_OF_USAGE = Q(is_correction=False)
_SUMS = {
    "cost_sum": Sum("cost", default=ZERO),
    "list_sum": Sum("list_cost", default=ZERO),
    "corrections_sum": Sum("cost", filter=~_OF_USAGE, default=ZERO),
    "events_sum": Sum("consumed", filter=_OF_USAGE & Q(meter=EVENTS), default=ZERO),
    "gb_sum": Sum("consumed", filter=_OF_USAGE & Q(meter=INGESTED), default=ZERO),
    "rejected_sum": Sum("consumed", filter=_OF_USAGE & Q(meter=REJECTED), default=ZERO),
}


def _part(keys: Keys, row: Mapping[str, Any]) -> Part:
    return Part(
        keys,
        row["cost_sum"],
        row["list_sum"],
        row["corrections_sum"],
        int(row["events_sum"]),
        row["gb_sum"],
        int(row["rejected_sum"]),
    )


def _whole(rows: QuerySet[ChargeDay]) -> Part:
    return _part((), rows.aggregate(**_SUMS))


def _parts(rows: QuerySet[ChargeDay], *by: str, most: int | None = None) -> list[Part]:
    """Return the parts by one or more of DIMENSIONS, most expensive first, including free ones."""
    columns = [DIMENSIONS[name] for name in by]
    found = rows.values(*columns).annotate(**_SUMS).order_by("-cost_sum", "-rejected_sum", *columns)[:most]
    return [_part(tuple(row[column] for column in columns), row) for row in found]


def _split(rows: QuerySet[ChargeDay], by: str) -> list[Part]:
    """Return a whole month by one of DIMENSIONS.

    Fixed costs have no kind and no dialect, so their key is None.
    """
    if by not in ("kind", "dialect"):
        return _parts(rows, by)
    fixed = _whole(rows.filter(meter=PLATFORM))
    found = _parts(rows.exclude(meter=PLATFORM), by)
    return sorted(
        [*found, replace(fixed, keys=(None,))] if fixed.cost else found, key=lambda part: -part.cost
    )


def _days(asked: CostQuery, by: str) -> dict[date, dict[Key, Decimal]]:
    """Return the cost of each day by key, without fixed costs and corrections, which belong to no day."""
    rows = asked.rows().filter(is_correction=False).exclude(meter=PLATFORM)
    days: dict[date, dict[Key, Decimal]] = {}
    for day, key, cost in rows.values_list("day", DIMENSIONS[by]).annotate(costs=Sum("cost")).order_by():
        days.setdefault(day, {})[key] = cost
    return days


def _corrections(asked: CostQuery) -> tuple[Correction, ...]:
    rows = asked.rows().filter(is_correction=True).annotate(of=TruncMonth("day"))
    found = rows.values_list("of", "owner_id", "meter").annotate(costs=Sum("cost"))
    return tuple(Correction(*row) for row in found.order_by("of", "owner_id", "meter"))


def _buckets(asked: CostQuery) -> dict[str, Decimal]:
    rows = asked.rows().filter(source__name__in=(UNKNOWN, OVERFLOW))
    found = dict(rows.values_list("source__name").annotate(costs=Sum("cost")).order_by())
    return {"unknown": found.get(UNKNOWN, ZERO), "overflow": found.get(OVERFLOW, ZERO)}


def of_day(asked: CostQuery, day: date, by: str) -> tuple[list[Part], dict[Keys, Part]]:
    """Return a day by one of DIMENSIONS, and the day a week earlier, without fixed costs and corrections."""
    week = day - 7 * DAY
    rows = asked.rows().filter(day=day, is_correction=False).exclude(meter=PLATFORM)
    former = asked.rows(month_of(week)).filter(day=week, is_correction=False).exclude(meter=PLATFORM)
    return _parts(rows, by), {part.keys: part for part in _parts(former, by)}


def total_of(parts: Iterable[Part]) -> Decimal:
    """Return the total of some parts."""
    return sum_of(part.cost for part in parts)
