"""Plans: plans and discounts in force, the prices of a plan, and the available plans."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from events.ownership.owner import Owner
from reports.cost.numbers import ZERO
from reports.cost.plans import Discount, PlanAssignment, Price, PricePlan


@dataclass(frozen=True, slots=True)
class InForce:
    """The plan and discount in force for an owner."""

    owner_id: int
    plan_id: int
    plan: str
    percent: Decimal  # off every unit price


@dataclass(frozen=True, slots=True)
class Step:
    """The price of a meter's unit above a quantity in the month."""

    plan_id: int
    plan: str
    meter: str
    above: Decimal
    unit_price: Decimal
    valid_from: datetime


def in_force(owners: Collection[int], at: datetime) -> list[InForce]:
    """Return the plan and discount of each owner that has a plan, in three statements."""
    homes = dict(Owner.objects.filter(pk__in=owners).values_list("pk", "organization_id"))
    rows = PlanAssignment.objects.filter(organization__in=set(homes.values()), valid_from__lte=at)
    plans: dict[tuple[int, int | None], tuple[int, str]] = {}
    assigned = rows.order_by("valid_from", "pk").values_list(
        "organization_id", "owner_id", "plan_id", "plan__name"
    )
    for organization_id, owner_id, plan_id, name in assigned:
        plans[organization_id, owner_id] = plan_id, name
    discounts = Discount.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=at), owner__in=owners, valid_from__lte=at
    )
    percents = dict(discounts.order_by("valid_from", "pk").values_list("owner_id", "percent"))
    found = []
    for owner_id, home in homes.items():
        plan = plans.get((home, owner_id)) or plans.get((home, None))
        if plan:
            found.append(InForce(owner_id, *plan, percents.get(owner_id, ZERO)))
    return found


def steps(plans: Collection[int], since: datetime, until: datetime) -> list[Step]:
    """Return the prices in force in any hour of a period, by plan and meter, in two statements."""
    prices = Price.objects.filter(plan__in=plans, valid_from__lt=until).select_related("plan")
    of_meter: dict[tuple[int, str], list[Price]] = {}
    for price in prices.prefetch_related("tiers").order_by("plan__name", "meter", "valid_from", "pk"):
        known = of_meter.setdefault((price.plan_id, price.meter), [])
        if price.valid_from <= since:
            known.clear()  # supersedes the earlier ones
        known.append(price)
    return [
        Step(price.plan_id, price.plan.name, price.meter, above, unit_price, price.valid_from)
        for found in of_meter.values()
        for price in found
        for above, unit_price in (
            (ZERO, price.unit_price),
            *((tier.above, tier.unit_price) for tier in price.tiers.all()),
        )
    ]


def offered(
    organization_id: int, currency: str, owners: Collection[int], *, all_plans: bool
) -> list[PricePlan]:
    """Return the plans that a what-if can use: the organization's and these owners', or all for operators.

    Other owners' plans are between them and the operator.
    """
    rows = PricePlan.objects.filter(currency=currency)
    if not all_plans:
        of_all, of_these = Q(assignments__owner=None), Q(assignments__owner__in=owners)
        rows = rows.filter(of_all | of_these, assignments__organization=organization_id).distinct()
    return list(rows.order_by("name"))
