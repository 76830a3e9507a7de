"""Platform costs of a month, shared among the owners that used it, to the last cent."""

from collections.abc import Iterator, Mapping
from decimal import ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction

from reports.cost.charges import BillingMonth
from reports.cost.charging.charge_lines import ChargeLine
from reports.cost.charging.terms import MonthlyCost, Terms
from reports.cost.meters import PLATFORM
from reports.cost.numbers import MONEY_STEP, ONE, ZERO
from reports.cost.plans import Method


def allocate(amount: Decimal, weights: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Share `amount`, a multiple of 0.01, in proportion to the weights, or evenly if all are 0.

    Each share is rounded down to 0.01; the remaining cents go one each to those whose shares lost most by
    rounding, the lowest key first among equals (largest remainder). Without weights nobody pays anything.
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


_DESCRIPTIONS = {
    Method.EVENLY: "shared evenly",
    Method.EVENTS: "shared in proportion to accepted events",
    Method.INGESTED: "shared in proportion to ingested data",
    Method.STORED: "shared in proportion to stored data",
}


def platform_cost_lines(
    month: BillingMonth, terms: Terms, used: Mapping[int, Mapping[str, Decimal]]
) -> Iterator[ChargeLine]:
    """Yield a line per owner and platform cost. `used` has the month's quantities by owner and meter.

    An owner that used nothing of the meter pays nothing; if nobody did, all pay the same.
    """
    of_month = [each for each in terms.fixed if each.applies_in(month.month)]
    for number, cost in enumerate(of_month):
        for owner_id, share in sorted(allocate(cost.amount, _weights(cost, used)).items()):
            if share:
                yield _line(month, owner_id, number, cost, share)


def _weights(cost: MonthlyCost, used: Mapping[int, Mapping[str, Decimal]]) -> dict[int, Decimal]:
    if cost.method == Method.EVENLY:
        return dict.fromkeys(used, ONE)
    return {owner_id: meters.get(cost.method, ZERO) for owner_id, meters in used.items()}


def _line(month: BillingMonth, owner_id: int, number: int, cost: MonthlyCost, share: Decimal) -> ChargeLine:
    return ChargeLine(
        owner_id=owner_id,
        hour=month.since,
        source_id=None,
        kind="",
        dialect="",
        meter=PLATFORM,
        tier=number,
        price_id=None,
        label=f"{cost.name}, {_DESCRIPTIONS[Method(cost.method)]}",
        consumed=ONE,
        quantity=ONE,
        list_unit_price=share,
        unit_price=share,
        list_cost=share,
        cost=share,
        wire_bytes=0,
    )
