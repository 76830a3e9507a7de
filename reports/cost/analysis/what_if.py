"""What-if: what a month of an organization would cost under another plan, computed but not stored.

It is computed from charged quantities, summed by owner, meter and stretch of time without a price change, so
millions of events take no longer than a few. Graduated tiers depend only on the quantity in such a stretch,
so the result equals what charging would make, to the last digit.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import connection

from events.ownership.owner import Organization
from reports.cost.analysis.totals import Owners
from reports.cost.charges import BillingMonth
from reports.cost.charging import terms, updating, usage
from reports.cost.charging.charge_lines import split_by_tier
from reports.cost.charging.terms import Terms
from reports.cost.meters import PRICED, STORED
from reports.cost.numbers import ZERO, exactly
from reports.cost.plans import PricePlan


@dataclass(frozen=True, slots=True)
class PlanCost:
    """The cost of an owner's meter, as charged and under the plan."""

    owner_id: int
    meter: str
    cost: Decimal
    simulated: Decimal


Quantity = tuple[int, str, int, Decimal, Decimal]  # owner, meter, stretch, quantity, cost

_QUANTITIES = """
SELECT owner_id, meter, width_bucket(hour, %s::timestamptz[]) AS stretch, sum(quantity), sum(cost)
FROM cost_charge WHERE billing_month_id = %s AND NOT is_correction AND meter = ANY(%s)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
# The same from daily sums, if no price changes within the month.
_OF_MONTH = """
SELECT owner_id, meter, 1, sum(quantity), sum(cost)
FROM cost_chargeday WHERE billing_month_id = %s AND NOT is_correction AND meter = ANY(%s)
GROUP BY 1, 2 ORDER BY 1, 2
"""


def what_if(
    organization: Organization, month: date, plan: PricePlan, owners: Owners = None
) -> list[PlanCost]:
    """Return the cost of each owner and priced meter as charged and under a plan. Discounts still apply."""
    found = BillingMonth.objects.filter(organization=organization, month=month).first()
    if found is None:
        return []
    current = terms.load_terms(organization.pk)
    simulated = current.with_plan(Terms(plan.currency, prices=terms.load_prices([plan.pk])), plan.pk)
    begins = [found.since, *(at for at in simulated.changes if found.since < at < found.until)]
    costs: dict[tuple[int, str], Decimal] = {}
    sums: dict[tuple[int, str], Decimal] = {}
    already: dict[tuple[int, str], Decimal] = {}
    with exactly():
        for owner_id, meter, stretch, quantity, cost in _quantities(found, begins, current):
            key = owner_id, meter
            rate = simulated.rates(owner_id, begins[stretch - 1])[meter]
            parts = split_by_tier(quantity, already.get(key, ZERO), rate.tiers)
            added = sum((part * rate.tiers[tier].unit_price * rate.factor for tier, part in parts), ZERO)
            already[key] = already.get(key, ZERO) + quantity
            sums[key] = sums.get(key, ZERO) + added
            costs[key] = costs.get(key, ZERO) + cost
    return [
        PlanCost(*key, costs[key], sums[key]) for key in sums if owners is None or key[0] in frozenset(owners)
    ]


def _quantities(month: BillingMonth, begins: list[datetime], current: Terms) -> list[Quantity]:
    meters, more = set(PRICED), []
    if any(at.hour for at in begins):
        # Stored data is charged by the day, and a price changes within one.
        meters.discard(STORED)
        more = _stored(month, begins, current)
    with connection.cursor() as cursor:
        if len(begins) == 1:
            cursor.execute(_OF_MONTH, [month.pk, sorted(meters)])
        else:
            cursor.execute(_QUANTITIES, [begins, month.pk, sorted(meters)])
        return sorted([*cursor.fetchall(), *more])


def _stored(month: BillingMonth, begins: list[datetime], current: Terms) -> list[Quantity]:
    """Return what was stored in each stretch, computed from usage hour by hour."""
    found: dict[tuple[int, int], tuple[Decimal, Decimal]] = {}
    until = month.charged_until or month.since
    for owner_id in usage.owners_with_usage(month.organization_id):
        for line in updating.hourly_lines(month, current, owner_id, month.since, until):
            if line.meter == STORED:
                key = owner_id, bisect_right(begins, line.hour)
                quantity, cost = found.get(key, (ZERO, ZERO))
                found[key] = quantity + line.quantity, cost + line.cost
    return [(owner_id, STORED, stretch, *sums) for (owner_id, stretch), sums in found.items()]
