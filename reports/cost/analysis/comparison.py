"""Comparison of two months: by how much the cost changed, and why. The parts add up to the change exactly.

One cause after another is changed from the earlier month to the later one, in this order:

volume       the number of accepted events, at the earlier event size and prices
size         the bytes per event, at the new number of events and the earlier prices
storage      the GB-months stored, at the earlier price
price        the rest of the change in usage cost: prices, tiers, discounts, plans
fixed        platform costs
corrections  of closed months

A price here is a meter's average (cost divided by quantity). If the earlier month had no usage of a meter,
all of its cost counts as volume or storage.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Q, Sum

from reports.cost.analysis.totals import Owners
from reports.cost.charges import ChargeDay
from reports.cost.meters import EVENTS, INGESTED, PLATFORM, STORED
from reports.cost.numbers import ZERO, exactly, quotient, sum_of


@dataclass(frozen=True, slots=True)
class Metered:
    """Quantity and cost of a meter."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class MonthCosts:
    """The costs of a month, by meter."""

    events: Metered = Metered()
    ingested: Metered = Metered()
    stored: Metered = Metered()
    fixed: Decimal = ZERO
    corrections: Decimal = ZERO

    @property
    def cost(self) -> Decimal:
        """The total."""
        usage = (self.events, self.ingested, self.stored)
        return sum_of((*(each.cost for each in usage), self.fixed, self.corrections))


@dataclass(frozen=True, slots=True)
class CostChange:
    """By how much the cost changed, and the causes."""

    before: Decimal
    after: Decimal
    volume: Decimal
    size: Decimal
    storage: Decimal
    price: Decimal
    fixed: Decimal
    corrections: Decimal

    @property
    def whole(self) -> Decimal:
        """Return the change in total cost."""
        return sum_of((self.after, -self.before))

    @property
    def causes(self) -> dict[str, Decimal]:
        """The parts of the change by name, which add up to it."""
        names = ("volume", "size", "storage", "price", "fixed", "corrections")
        return {name: getattr(self, name) for name in names}


def compare(before: MonthCosts, after: MonthCosts) -> CostChange:
    """Return what changed from one month to another, and why."""
    with exactly():
        volume = _by_volume(before.events, before, after)
        bytes_by_volume = _by_volume(before.ingested, before, after)
        by_bytes = _at_former_price(before.ingested, after.ingested) - before.ingested.cost
        if before.events.quantity and before.ingested.quantity:
            size = by_bytes - bytes_by_volume
        else:  # there is no earlier size
            size, bytes_by_volume = ZERO, by_bytes
        if not before.events.quantity:
            volume = after.events.cost
        volume += bytes_by_volume
        storage = _at_former_price(before.stored, after.stored) - before.stored.cost
        fixed, corrections = after.fixed - before.fixed, after.corrections - before.corrections
        price = after.cost - before.cost - volume - size - storage - fixed - corrections
    return CostChange(before.cost, after.cost, volume, size, storage, price, fixed, corrections)


def _by_volume(cost: Metered, before: MonthCosts, after: MonthCosts) -> Decimal:
    """Return the part of an earlier cost that changes with the number of events."""
    if not before.events.quantity:
        return ZERO
    more = after.events.quantity - before.events.quantity
    return quotient(cost.cost * more, before.events.quantity)


def _at_former_price(before: Metered, after: Metered) -> Decimal:
    if not before.quantity:
        return after.cost
    return quotient(before.cost * after.quantity, before.quantity)


def month_costs(month: date, owners: Owners = None, days: int | None = None, **only: object) -> MonthCosts:
    """Return the costs of some owners in a month, or in its first `days` days.

    Fixed costs and corrections are of the month, whatever the days. `only` narrows to values of columns of
    ChargeDay.
    """
    rows = ChargeDay.objects.filter(billing_month__month=month, **only)
    if days is not None:
        until = month + timedelta(days=days)
        rows = rows.filter(Q(day__lt=until) | Q(is_correction=True) | Q(meter=PLATFORM))
    if owners is not None:
        rows = rows.filter(owner_id__in=list(owners))
    sums = rows.values("meter", "is_correction").annotate(quantities=Sum("quantity"), costs=Sum("cost"))
    usage: dict[str, Metered] = {}
    corrections = ZERO
    for row in sums.order_by():
        if row["is_correction"]:
            corrections = sum_of((corrections, row["costs"]))
        else:
            usage[row["meter"]] = Metered(row["quantities"], row["costs"])
    nothing = Metered()
    return MonthCosts(
        events=usage.get(EVENTS, nothing),
        ingested=usage.get(INGESTED, nothing),
        stored=usage.get(STORED, nothing),
        fixed=usage.get(PLATFORM, nothing).cost,
        corrections=corrections,
    )
