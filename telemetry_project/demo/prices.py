"""The demo's price plans and budgets: realistic, created once, for its organization."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from events.ownership.owner import Organization
from reports.cost.analysis import totals
from reports.cost.budgets import Budget
from reports.cost.meters import EVENTS, INGESTED, STORED
from reports.cost.plans import Method, PlanAssignment, PlatformCost, Price, PricePlan, PriceTier
from reports.periods import month_of

NAME, CURRENCY = "Standard", "EUR"
SINCE = datetime(2025, 1, 1, tzinfo=UTC)
Prices = Mapping[str, tuple[str, str, Mapping[str, str]]]
# For each meter: SKU, unit price, and the price above a quantity in a month. Events cost as much as at
# competitors, so that the demo's few thousand make a visible cost.
PRICES: Prices = {
    EVENTS: ("TLY-EVT", "250.00", {"0.01": "200.00", "1": "120.00"}),
    INGESTED: ("TLY-ING", "0.80", {"50": "0.60"}),
    STORED: ("TLY-STO", "0.12", {}),
}
# Next year's plan: cheaper events, more expensive bytes, no tiers.
NEXT = "Flat"
NEXT_PRICES: Prices = {
    EVENTS: ("TLY-EVT", "210.00", {}),
    INGESTED: ("TLY-ING", "9.00", {}),
    STORED: ("TLY-STO", "2.00", {}),
}
# Factors of owners' cost last month, most expensive first: one too low, one just enough, one ample.
BUDGETS = (Decimal("0.9"), Decimal("1.2"), Decimal("1.8"))
STEP = Decimal("0.5")
PLATFORM_COST = ("Hosting and operation", "2.50", Method.INGESTED)


@transaction.atomic
def plan() -> PricePlan:
    """Return the plan, created if missing."""
    return _plan(NAME, PRICES, SINCE)


def _plan(name: str, prices: Prices, since: datetime) -> PricePlan:
    found = PricePlan.objects.filter(name=name).first()
    if found:
        return found
    made = PricePlan.objects.create(name=name, currency=CURRENCY)
    for meter, (sku, unit_price, tiers) in prices.items():
        price = Price.objects.create(
            plan=made, meter=meter, sku=sku, unit_price=Decimal(unit_price), valid_from=since
        )
        for above, lower in tiers.items():
            PriceTier.objects.create(price=price, above=Decimal(above), unit_price=Decimal(lower))
    return made


@transaction.atomic
def apply(organization: Organization) -> bool:
    """Put the plan and a platform cost in force for an organization without a plan; True if it had none."""
    if PlanAssignment.objects.filter(organization=organization).exists():
        return False
    PlanAssignment.objects.create(organization=organization, plan=plan(), valid_from=SINCE)
    name, amount, method = PLATFORM_COST
    PlatformCost.objects.create(
        organization=organization,
        name=name,
        amount=Decimal(amount),
        method=method,
        first_month=SINCE.date(),
    )
    return True


@transaction.atomic
def plan_ahead(organization: Organization, now: datetime) -> bool:
    """Give owners budgets by last month's cost, and next year another plan; True if there were none."""
    if Budget.objects.filter(owner__organization=organization).exists():
        return False
    month = month_of(now.date())
    before = totals.owner_months(month_of(month - timedelta(days=1)), _owners(organization))
    for place, each in enumerate(before):
        amount = max(STEP, (each.cost * BUDGETS[place % len(BUDGETS)] / STEP).quantize(Decimal(1)) * STEP)
        Budget.objects.create(owner_id=each.owner_id, first_month=month, amount=amount)
    begin = datetime(now.year + 1, 1, 1, tzinfo=UTC)
    PlanAssignment.objects.create(
        organization=organization, plan=_plan(NEXT, NEXT_PRICES, SINCE), valid_from=begin
    )
    return True


def _owners(organization: Organization) -> list[int]:
    return list(organization.owners.values_list("pk", flat=True))
