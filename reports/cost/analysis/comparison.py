"""Comparing two months: by how much the cost changed, and why. The parts sum to the whole, exactly.

One cause after the other is changed from the former month to the latter, in this order:

volume   the number of accepted events, at the former size of an event and the former prices
size     the bytes of an event, at the new number and the former prices
storage  the GB-months that were kept, at the former price
price    what is left of the usage's change: prices, tiers, discounts, plans
fixed    platform costs
corrections  of closed months

A price here is what a meter cost on average (cost over quantity). Where the former month had no usage of a
meter, all of that meter's cost is volume, or storage.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from reports.cost.analysis.totals import Owners
from reports.cost.charges import ChargeDay
from reports.cost.meters import EVENTS, INGESTED, PLATFORM, STORED
from reports.cost.numbers import ZERO, exactly, quotient, sum_of


@dataclass(frozen=True, slots=True)
class Used:
    """Quantity and cost of a meter."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Side:
    """A month, as it is compared."""

    events: Used = Used()
    ingested: Used = Used()
    stored: Used = Used()
    fixed: Decimal = ZERO
    corrections: Decimal = ZERO

    @property
    def cost(self) -> Decimal:
        """All of it."""
        usage = (self.events, self.ingested, self.stored)
        return sum_of((*(each.cost for each in usage), self.fixed, self.corrections))


@dataclass(frozen=True, slots=True)
class Change:
    """By how much the cost changed, and of which cause."""

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
        """The change."""
        return sum_of((self.after, -self.before))

    @property
    def causes(self) -> dict[str, Decimal]:
        """The parts of the change by name, which sum to it."""
        names = ("volume", "size", "storage", "price", "fixed", "corrections")
        return {name: getattr(self, name) for name in names}


def compare(before: Side, after: Side) -> Change:
    """What changed from one month to another, and why."""
    with exactly():
        volume = _by_volume(before.events, before, after)
        bytes_by_volume = _by_volume(before.ingested, before, after)
        by_bytes = _at_former_price(before.ingested, after.ingested) - before.ingested.cost
        if before.events.quantity and before.ingested.quantity:
            size = by_bytes - bytes_by_volume
        else:  # there is no former size
            size, bytes_by_volume = ZERO, by_bytes
        if not before.events.quantity:
            volume = after.events.cost
        volume += bytes_by_volume
        storage = _at_former_price(before.stored, after.stored) - before.stored.cost
        fixed, corrections = after.fixed - before.fixed, after.corrections - before.corrections
        price = after.cost - before.cost - volume - size - storage - fixed - corrections
    return Change(before.cost, after.cost, volume, size, storage, price, fixed, corrections)


def _by_volume(cost: Used, before: Side, after: Side) -> Decimal:
    """What of a former cost changes with the number of events."""
    if not before.events.quantity:
        return ZERO
    more = after.events.quantity - before.events.quantity
    return quotient(cost.cost * more, before.events.quantity)


def _at_former_price(before: Used, after: Used) -> Decimal:
    if not before.quantity:
        return after.cost
    return quotient(before.cost * after.quantity, before.quantity)


def side(month: date, owners: Owners = None, days: int | None = None, **only: Any) -> Side:
    """A month of some owners, from their charges; of its first days only, where so many are asked for.

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
    usage: dict[str, Used] = {}
    corrections = ZERO
    for row in sums.order_by():
        if row["is_correction"]:
            corrections = sum_of((corrections, row["costs"]))
        else:
            usage[row["meter"]] = Used(row["quantities"], row["costs"])
    nothing = Used()
    return Side(
        events=usage.get(EVENTS, nothing),
        ingested=usage.get(INGESTED, nothing),
        stored=usage.get(STORED, nothing),
        fixed=usage.get(PLATFORM, nothing).cost,
        corrections=corrections,
    )
