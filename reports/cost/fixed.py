"""Fixed costs: the platform cost of a month shared among the owners that used it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from reports.cost.allocation import allocate
from reports.cost.charging import Line
from reports.cost.meters import PLATFORM
from reports.cost.month import BillingMonth
from reports.cost.numbers import ONE, ZERO
from reports.cost.platform import Method
from reports.cost.terms import Fixed, Terms

_HOW = {
    Method.EVENLY: "shared evenly",
    Method.EVENTS: "shared in proportion to accepted events",
    Method.INGESTED: "shared in proportion to ingested data",
    Method.STORED: "shared in proportion to stored data",
}


def fixed_lines(
    month: BillingMonth, terms: Terms, used: Mapping[int, Mapping[str, Decimal]]
) -> Iterator[Line]:
    """A line for each owner and fixed cost. `used` has the owners of the month and what they used.

    An owner that used nothing of the meter bears nothing; where none did, all bear the same.
    """
    of_month = [each for each in terms.fixed if each.is_of(month.month)]
    for number, cost in enumerate(of_month):
        for owner_id, share in sorted(allocate(cost.amount, _weights(cost, used)).items()):
            if share:
                yield _line(month, owner_id, number, cost, share)


def _weights(cost: Fixed, used: Mapping[int, Mapping[str, Decimal]]) -> dict[int, Decimal]:
    if cost.method == Method.EVENLY:
        return dict.fromkeys(used, ONE)
    return {owner_id: meters.get(cost.method, ZERO) for owner_id, meters in used.items()}


def _line(month: BillingMonth, owner_id: int, number: int, cost: Fixed, share: Decimal) -> Line:
    return Line(
        owner_id=owner_id,
        hour=month.since,
        source_id=None,
        kind="",
        dialect="",
        meter=PLATFORM,
        tier=number,
        price_id=None,
        label=f"{cost.name}, {_HOW[Method(cost.method)]}",
        consumed=ONE,
        quantity=ONE,
        list_unit_price=share,
        unit_price=share,
        list_cost=share,
        cost=share,
        wire_bytes=0,
    )
