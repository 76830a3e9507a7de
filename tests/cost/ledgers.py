"""Factories for usage and plans, and sums of charges, for tests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from events.ownership.owner import Organization, Owner
from events.ownership.source import Source
from events.store.usage import UsageHour
from reports.cost.charges import Charge
from reports.cost.plans import PlanAssignment, Price, PricePlan, PriceTier

_ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)


def at(day: int, hour: int = 0, *, month: int = 9, year: int = 2026) -> datetime:
    """Return an hour of September 2026, which has 720 hours, or of another month."""
    return datetime(year, month, day, hour, tzinfo=UTC)


def organization(slug: str = "acme") -> Organization:
    return Organization.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]


def owner(name: str, of: Organization | None = None) -> Owner:
    return Owner.objects.get_or_create(name=name, organization=of or organization())[0]


def source(name: str, of: Organization | None = None) -> Source:
    return Source.objects.get_or_create(name=name, organization=of or organization())[0]


def use(
    of: Owner,
    hour: datetime,
    *,
    by: str = "portal",
    kind: str = "log",
    dialect: str = "sunbird",
    **counts: int,
) -> None:
    """Add usage to an hour, as filing does."""
    row, _ = UsageHour.objects.get_or_create(
        owner=of, source=source(by, of.organization), kind=kind, dialect=dialect, hour=hour
    )
    for name, count in counts.items():
        setattr(row, name, getattr(row, name) + count)
    row.received = row.stored + row.duplicates + row.rejected
    row.save()


def plan(
    name: str = "Standard",
    *,
    since: datetime = _ALWAYS,
    prices: Mapping[str, str] = {"events": "2", "ingested": "0.5", "stored": "0.1"},
) -> PricePlan:
    """Create a plan with a unit price per meter."""
    made = PricePlan.objects.create(name=name)
    for meter, unit_price in prices.items():
        price(made, meter, unit_price, since=since)
    return made


def price(of: PricePlan, meter: str, unit_price: str, *, since: datetime, **tiers: str) -> Price:
    """Create a price. `above_2="1.5"` adds a tier of 1.5 for each unit beyond two."""
    made = Price.objects.create(
        plan=of, meter=meter, sku=f"SKU-{meter}", unit_price=Decimal(unit_price), valid_from=since
    )
    for name, lower in tiers.items():
        PriceTier.objects.create(
            price=made,
            above=Decimal(name.removeprefix("above_").replace("_", ".")),
            unit_price=Decimal(lower),
        )
    return made


def assign(to: PricePlan, *, of: Organization | None = None, since: datetime = _ALWAYS) -> PlanAssignment:
    return PlanAssignment.objects.create(organization=of or organization(), plan=to, valid_from=since)


def charged(*by: str, **which: Any) -> dict[Any, Decimal]:
    """Return the cost of matching charges, grouped by the given fields."""
    rows = Charge.objects.filter(**which).values(*by).annotate(total=Sum("cost")).order_by()
    if len(by) == 1:
        return {row[by[0]]: row["total"] for row in rows}
    return {tuple(row[name] for name in by): row["total"] for row in rows}


def total(**which: Any) -> Decimal:
    found: Decimal = Charge.objects.filter(**which).aggregate(total=Sum("cost", default=Decimal(0)))["total"]
    return found
