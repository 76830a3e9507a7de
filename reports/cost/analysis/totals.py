"""Reading charges: what pages, mails and the API are told of cost. All from charges, nothing from events.

`owners` are keys of owners that the reader may see, None for everybody's. Months are those that a charge is
billed in, so a month's sums have its corrections; series by hour are of the time of receipt, UTC, and
have none. Sums are exact; whoever shows them rounds.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Sum

from reports.cost.charges import BillingMonth, Charge, ChargeDay
from reports.cost.meters import EVENTS, INGESTED, ONE_MILLION
from reports.cost.numbers import ZERO, quotient, sum_of

Owners = Collection[int] | None
DIMENSIONS = {
    "owner": "owner__name",
    "source": "source__name",
    "kind": "kind",
    "dialect": "dialect",
    "meter": "meter",
}


@dataclass(frozen=True, slots=True)
class Total:
    """What some charges sum to."""

    cost: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class OwnersMonth:
    """A month of one owner."""

    owner_id: int
    owner: str
    organization_id: int
    currency: str
    total: Total
    corrections: Decimal
    events: int
    gb: Decimal
    is_closed: bool

    @property
    def per_million(self) -> Decimal | None:
        """Cost of a million accepted events, all in; None without events."""
        return quotient(self.total.cost, self.events / ONE_MILLION) if self.events else None


@dataclass(frozen=True, slots=True)
class Point:
    """Cost at a time, of one part."""

    at: datetime | date
    name: str
    cost: Decimal


def months(owners: Owners) -> list[date]:
    """The months that have charges, newest first."""
    rows = _of(ChargeDay.objects.all(), owners)
    return list(
        rows.values_list("billing_month__month", flat=True).distinct().order_by("-billing_month__month")
    )


def currencies(first: date, last: date, owners: Owners = None) -> set[str]:
    """What the months from one to another are charged in: empty where nothing was charged."""
    charged = _of(ChargeDay.objects.filter(billing_month=OuterRef("pk")), owners)
    rows = BillingMonth.objects.filter(Exists(charged), month__gte=first, month__lte=last)
    return set(rows.values_list("currency", flat=True))


def of_owners(month: date, owners: Owners = None) -> list[OwnersMonth]:
    """A month of each owner, the dearest first."""
    rows = _of(ChargeDay.objects.filter(billing_month__month=month), owners)
    found: dict[int, dict[str, Any]] = {}
    by = ("owner_id", "meter", "is_correction")
    for row in rows.values(*by).annotate(**_SUMS, consumed_sum=Sum("consumed")):
        sums = found.setdefault(row["owner_id"], dict.fromkeys(_FIGURES, ZERO))
        adds = {"cost": row["cost_sum"]}
        if row["is_correction"]:
            adds["corrections"] = row["cost_sum"]
        if row["meter"] in (EVENTS, INGESTED):
            adds[row["meter"]] = row["consumed_sum"]
        for name, added in adds.items():
            sums[name] = sum_of((sums[name], added))
    names = _of(ChargeDay.objects.filter(billing_month__month=month), owners).order_by("owner__name")
    facts = names.values_list(
        "owner_id", "owner__name", "owner__organization_id", "billing_month__currency", "billing_month__state"
    ).distinct()
    made = [
        OwnersMonth(
            owner_id=owner_id,
            owner=name,
            organization_id=organization_id,
            currency=currency,
            total=Total(found[owner_id]["cost"]),
            corrections=found[owner_id]["corrections"],
            events=int(found[owner_id][EVENTS]),
            gb=found[owner_id][INGESTED],
            is_closed=state == "closed",
        )
        for owner_id, name, organization_id, currency, state in facts
    ]
    return sorted(made, key=lambda each: (-each.total.cost, each.owner))


def total(month: date, owners: Owners = None, **only: Any) -> Total:
    """What a month costs. `only` narrows to values of columns of ChargeDay."""
    rows = _of(ChargeDay.objects.filter(billing_month__month=month, **only), owners)
    return _total(rows.aggregate(**_SUMS))


def hourly(since: datetime, until: datetime, by: str, owners: Owners = None, **only: Any) -> list[Point]:
    """Cost of each hour from one to another by one of DIMENSIONS, without corrections and fixed costs. Stored
    data of a day that is over is in its first hour.
    """
    rows = Charge.objects.filter(
        billing_month__month__gte=since.date().replace(day=1),
        billing_month__month__lte=until.date(),
        hour__gte=since,
        hour__lt=until,
        is_correction=False,
        **only,
    )
    values = _of(rows, owners).exclude(meter="platform").values("hour", name=F(DIMENSIONS[by]))
    found = values.annotate(cost_sum=Sum("cost")).order_by("hour", "name")
    return [Point(row["hour"], row["name"] or "", row["cost_sum"]) for row in found]


_FIGURES = ("cost", "corrections", EVENTS, INGESTED)
_SUMS = {"cost_sum": Sum("cost")}


def _total(row: dict[str, Any]) -> Total:
    return Total(row["cost_sum"] or ZERO)


def _of(rows: QuerySet[Any], owners: Owners) -> QuerySet[Any]:
    """Of those owners. A list, since a subquery would keep the planner from the index."""
    return rows if owners is None else rows.filter(owner_id__in=list(owners))
