"""Allocation: a sum shared so that the parts are whole steps and sum to the whole (largest remainder)."""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction

from reports.cost.numbers import MONEY_STEP, ZERO


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
