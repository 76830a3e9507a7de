"""Terms: the plans, prices, discounts and platform costs of an organization, and the rates at any hour."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple, Protocol, Self, TypeVar

from django.conf import settings
from django.db.models import Q

from reports.cost.meters import METERS, USAGE, free_sku
from reports.cost.numbers import HUNDRED, ONE, ZERO
from reports.cost.plans import Discount, PlanAssignment, PlatformCost, Price

ALWAYS = datetime(1, 1, 1, tzinfo=UTC)


class Tier(NamedTuple):
    """The price of a pricing unit for the part of a month's quantity beyond `above`."""

    above: Decimal
    unit_price: Decimal


FREE = (Tier(ZERO, ZERO),)


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """A price of a plan."""

    id: int
    plan_id: int
    meter: str
    sku: str
    valid_from: datetime
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class AssignedPlan:
    """A plan assigned to an owner, or without one to all owners that have none of their own."""

    id: int
    plan_id: int
    owner_id: int | None
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class OwnerDiscount:
    """A discount of an owner."""

    id: int
    owner_id: int
    percent: Decimal
    valid_from: datetime
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """A platform cost."""

    id: int
    name: str
    amount: Decimal
    method: str
    first_month: date
    last_month: date | None

    def applies_in(self, month: date) -> bool:
        """True if it is charged in a month."""
        return self.first_month <= month and (self.last_month is None or month <= self.last_month)


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of a meter for an owner at an hour."""

    price_id: int | None
    sku: str
    tiers: tuple[Tier, ...]
    factor: Decimal  # by which the discount multiplies the list price


Rates = Mapping[str, Rate]


@dataclass(frozen=True)
class Terms:
    """Everything in force for an organization at any time."""

    currency: str
    assigned: tuple[AssignedPlan, ...] = ()
    prices: tuple[ListedPrice, ...] = ()
    discounts: tuple[OwnerDiscount, ...] = ()
    fixed: tuple[MonthlyCost, ...] = ()
    _rates_cache: dict[tuple[int, int], Rates] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def changes(self) -> list[datetime]:
        """The times at which rates may change, in order."""
        begins = (
            *(each.valid_from for each in self.assigned),
            *(each.valid_from for each in self.prices),
            *(each.valid_from for each in self.discounts),
        )
        return sorted({*begins, *(each.valid_until for each in self.discounts if each.valid_until)})

    def rates(self, owner_id: int, hour: datetime) -> Rates:
        """Return what an owner pays at an hour, by meter."""
        key = owner_id, bisect_right(self.changes, hour)
        found = self._rates_cache.get(key)
        if found is None:
            found = self._rates_cache[key] = self._rates(owner_id, hour)
        return found

    def plan_of(self, owner_id: int, hour: datetime) -> int | None:
        """Return the key of the plan in force for an owner."""
        own = _newest((each for each in self.assigned if each.owner_id == owner_id), hour)
        found = own or _newest((each for each in self.assigned if each.owner_id is None), hour)
        return found.plan_id if found else None

    def discount_of(self, owner_id: int, hour: datetime) -> Decimal:
        """Return an owner's discount in percent."""
        in_force = (
            each
            for each in self.discounts
            if each.owner_id == owner_id and (each.valid_until is None or hour < each.valid_until)
        )
        found = _newest(in_force, hour)
        return found.percent if found else ZERO

    def with_plan(self, plan: "Terms", plan_id: int) -> Self:
        """Return these terms with another plan, and its prices in `plan`, for everybody at all times."""
        everybody = (AssignedPlan(0, plan_id, None, ALWAYS),)
        return replace(self, currency=plan.currency, assigned=everybody, prices=plan.prices, _rates_cache={})

    def fingerprint(self, month: date, until: datetime) -> str:
        """Return a hash of everything that the charges of a month depend on."""
        rows = (
            self.currency,
            *(astuple(each) for each in self.assigned if each.valid_from < until),
            *(astuple(each) for each in self.prices if each.valid_from < until),
            *(astuple(each) for each in self.discounts if each.valid_from < until),
            *(astuple(each) for each in self.fixed if each.applies_in(month)),
        )
        return sha256(repr(rows).encode()).hexdigest()

    def _rates(self, owner_id: int, hour: datetime) -> Rates:
        plan_id = self.plan_of(owner_id, hour)
        factor = (HUNDRED - self.discount_of(owner_id, hour)) / HUNDRED
        rates = {}
        for meter in USAGE:
            of_meter = (each for each in self.prices if (each.plan_id, each.meter) == (plan_id, meter))
            price = _newest(of_meter, hour) if METERS[meter].is_priced else None
            rates[meter] = (
                Rate(price.id, price.sku, price.tiers, factor)
                if price
                else Rate(None, free_sku(meter), FREE, ONE)
            )
        return rates


class _InForce(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def valid_from(self) -> datetime: ...


_Row = TypeVar("_Row", bound=_InForce)


def _newest(rows: Iterable[_Row], hour: datetime) -> _Row | None:
    """Return the row in force: the latest `valid_from`, and of equal ones the one created last."""
    return max(
        (each for each in rows if each.valid_from <= hour),
        key=lambda each: (each.valid_from, each.id),
        default=None,
    )


def load_terms(organization_id: int) -> Terms:
    """Load the terms of an organization."""
    assignments = PlanAssignment.objects.filter(organization=organization_id).select_related("plan")
    assigned = [(each, each.plan) for each in assignments.order_by("pk")]
    discounts = Discount.objects.filter(owner__organization=organization_id).order_by("pk")
    platform = PlatformCost.objects.filter(Q(organization=organization_id) | Q(organization=None))
    return Terms(
        currency=assigned[0][1].currency if assigned else settings.BILLING_CURRENCY,
        assigned=tuple(
            AssignedPlan(row.pk, row.plan_id, row.owner_id, row.valid_from) for row, _ in assigned
        ),
        prices=load_prices({plan.pk for _, plan in assigned}),
        discounts=tuple(
            OwnerDiscount(row.pk, row.owner_id, row.percent, row.valid_from, row.valid_until)
            for row in discounts
        ),
        fixed=tuple(
            MonthlyCost(row.pk, row.name, row.amount, row.method, row.first_month, row.last_month)
            for row in platform.order_by("pk")
        ),
    )


def load_prices(plan_ids: Iterable[int]) -> tuple[ListedPrice, ...]:
    """Load the prices of plans."""
    prices = Price.objects.filter(plan__in=plan_ids).prefetch_related("tiers").order_by("pk")
    return tuple(
        ListedPrice(
            price.pk,
            price.plan_id,
            price.meter,
            price.sku,
            price.valid_from,
            (
                Tier(ZERO, price.unit_price),
                *(Tier(tier.above, tier.unit_price) for tier in price.tiers.all()),
            ),
        )
        for price in prices
    )
