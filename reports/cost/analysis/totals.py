"""Totals of charges, for pages, mails and the API. Everything is read from charges, nothing from events.

`owners` are the keys of owners that the reader may see, or None for all. A month is the one a charge is
billed in, so its totals include corrections. Hourly series go by the time of receipt (UTC) and have none.
Sums are exact; whoever shows them rounds.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from django.db.models import Exists, F, Model, OuterRef, QuerySet, Sum

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
class OwnerMonth:
    """A month of one owner."""

    owner_id: int
    owner: str
    organization_id: int
    currency: str
    cost: Decimal
    corrections: Decimal
    events: int
    gb: Decimal
    is_closed: bool

    @property
    def per_million(self) -> Decimal | None:
        """The total cost per million accepted events; None without events."""
        return quotient(self.cost, self.events / ONE_MILLION) if self.events else None


@dataclass(frozen=True, slots=True)
class HourCost:
    """The cost of one part in an hour."""

    at: datetime
    name: str
    cost: Decimal


def months(owners: Owners) -> list[date]:
    """Return the months that have charges, newest first."""
    rows = _for_owners(ChargeDay.objects.all(), owners)
    return list(
        rows.values_list("billing_month__month", flat=True).distinct().order_by("-billing_month__month")
    )


def currencies(first: date, last: date, owners: Owners = None) -> set[str]:
    """Return the currencies that months were charged in; empty if nothing was charged."""
    charged = _for_owners(ChargeDay.objects.filter(billing_month=OuterRef("pk")), owners)
    rows = BillingMonth.objects.filter(Exists(charged), month__gte=first, month__lte=last)
    return set(rows.values_list("currency", flat=True))


def owner_months(month: date, owners: Owners = None) -> list[OwnerMonth]:
    """Return a month's totals by owner, the most expensive first."""
    rows = _for_owners(ChargeDay.objects.filter(billing_month__month=month), owners)
    found: dict[int, dict[str, Decimal]] = {}
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
    names = _for_owners(ChargeDay.objects.filter(billing_month__month=month), owners).order_by("owner__name")
    facts = names.values_list(
        "owner_id", "owner__name", "owner__organization_id", "billing_month__currency", "billing_month__state"
    ).distinct()
    made = [
        OwnerMonth(
            owner_id=owner_id,
            owner=name,
            organization_id=organization_id,
            currency=currency,
            cost=found[owner_id]["cost"],
            corrections=found[owner_id]["corrections"],
            events=int(found[owner_id][EVENTS]),
            gb=found[owner_id][INGESTED],
            is_closed=state == "closed",
        )
        for owner_id, name, organization_id, currency, state in facts
    ]
    return sorted(made, key=lambda each: (-each.cost, each.owner))


def total(month: date, owners: Owners = None, **only: object) -> Decimal:
    """Return the cost of a month. `only` filters by columns of ChargeDay."""
    rows = _for_owners(ChargeDay.objects.filter(billing_month__month=month, **only), owners)
    cost: Decimal = rows.aggregate(cost=Sum("cost", default=ZERO))["cost"]
    return cost


def hourly_costs(
    since: datetime, until: datetime, by: str, owners: Owners = None, **only: object
) -> list[HourCost]:
    """Return hourly costs by one of DIMENSIONS, without corrections and platform costs.

    Stored data of a past day is in the day's first hour.
    """
    rows = Charge.objects.filter(
        billing_month__month__gte=since.date().replace(day=1),
        billing_month__month__lte=until.date(),
        hour__gte=since,
        hour__lt=until,
        is_correction=False,
        **only,
    )
    values = _for_owners(rows, owners).exclude(meter="platform").values("hour", name=F(DIMENSIONS[by]))
    found = values.annotate(cost_sum=Sum("cost")).order_by("hour", "name")
    return [HourCost(row["hour"], row["name"] or "", row["cost_sum"]) for row in found]


Billed = TypeVar("Billed", bound=Model)
_FIGURES = ("cost", "corrections", EVENTS, INGESTED)
_SUMS = {"cost_sum": Sum("cost")}


def _for_owners(rows: QuerySet[Billed], owners: Owners) -> QuerySet[Billed]:
    """Filter by owners. A list, because a subquery would keep the planner from using the index."""
    return rows if owners is None else rows.filter(owner_id__in=list(owners))
