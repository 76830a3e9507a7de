"""The demo's price plan, with believable prices: made once, for its organization."""

from datetime import UTC, datetime
from decimal import Decimal

from django.db import transaction

from events.ownership.organization import Organization
from reports.cost.meters import EVENTS, INGESTED, STORED
from reports.cost.plans import PlanAssignment, Price, PricePlan, PriceTier
from reports.cost.platform import Method, PlatformCost

NAME, CURRENCY = "Standard", "EUR"
SINCE = datetime(2025, 1, 1, tzinfo=UTC)
# Of each meter: SKU, unit price, and the price above an amount in a month. Events cost what rivals ask for
# them, so that the demo's few thousand are worth looking at.
PRICES = {
    EVENTS: ("TLY-EVT", "250.00", {"0.01": "200.00", "1": "120.00"}),
    INGESTED: ("TLY-ING", "0.80", {"50": "0.60"}),
    STORED: ("TLY-STO", "0.12", {}),
}
PLATFORM_COST = ("Hosting and operation", "2.50", Method.INGESTED)


@transaction.atomic
def plan() -> PricePlan:
    """The plan, made where it isn't there yet."""
    found = PricePlan.objects.filter(name=NAME).first()
    if found:
        return found
    made = PricePlan.objects.create(name=NAME, currency=CURRENCY)
    for meter, (sku, unit_price, tiers) in PRICES.items():
        price = Price.objects.create(
            plan=made, meter=meter, sku=sku, unit_price=Decimal(unit_price), valid_from=SINCE
        )
        for above, lower in tiers.items():
            PriceTier.objects.create(price=price, above=Decimal(above), unit_price=Decimal(lower))
    return made


@transaction.atomic
def apply(organization: Organization) -> bool:
    """Put the plan and a platform cost in force for an organization that has no plan; whether it had none."""
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
