"""Allocation: a sum shared so that the parts are whole steps and sum to the whole (largest remainder)."""

from collections.abc import Iterator, Mapping
from decimal import ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction

from reports.cost.charges import BillingMonth
from reports.cost.charging.charge_lines import Line
from reports.cost.charging.terms import Fixed, Terms
from reports.cost.meters import PLATFORM
from reports.cost.numbers import MONEY_STEP, ONE, ZERO
from reports.cost.plans import Method


def allocate(amount: Decimal, weights: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Shares of `amount`, which is a multiple of 0.01, in proportion to the weights, evenly where all are 0.

    Each gets its share rounded down to 0.01; what is left goes, a step each, to those whose share lost most
    by that, of equal ones to the lowest key. No weights: nobody bears anything.
    """
    if not weights:
        return {}
    total = sum(weights.values(), ZERO)
    if not total:
        weights, total = dict.fromkeys(weights, Decimal(1)), Decimal(len(weights))
    with localcontext(prec=80):
        steps = int((amount / MONEY_STEP).to_integral_exact(ROUND_FLOOR))
        exact = {key: steps * Fraction(weight) / Fraction(total) for key, weight in weights.items()}
        whole = {key: share.numerator // share.denominator for key, share in exact.items()}
        left = steps - sum(whole.values())
        by_remainder = sorted(exact, key=lambda key: (whole[key] - exact[key], key))
        for key in by_remainder[:left]:
            whole[key] += 1
        return {key: count * MONEY_STEP for key, count in whole.items()}


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
