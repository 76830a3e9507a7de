"""Shapes: distributions as histograms with bins that grow, mergeable and true to two percent.

Bin `b` holds values from GAMMA ** (b - 1) to GAMMA ** b, so the value that stands for a bin is never further
than ERROR from those in it. Negative values have the bins of their amounts, with a minus; nearly nothing is
0.
"""

import math
from collections.abc import Mapping, Sequence

ERROR = 0.02
ROUNDING = 0.0125  # rounding adds at most this
GAMMA = (1 + ERROR) / (1 - ERROR)
NOTHING = 1e-9  # amounts below it are 0
_SHIFT = 1_000  # makes bins of amounts above NOTHING positive


def bin_sql(value: str) -> str:
    """The SQL of the bin of a value."""
    amount = f"abs(({value})::float8)"
    number = f"{_SHIFT} + ceil(ln(greatest({amount}, {NOTHING})) / {math.log(GAMMA)!r})"
    return f"CASE WHEN {amount} < {NOTHING} THEN 0 ELSE sign({value}) * ({number}) END"


def value_of(place: int) -> float:
    """The value that stands for a bin."""
    if place == 0:
        return 0.0
    return math.copysign(2 * GAMMA ** (abs(place) - _SHIFT) / (GAMMA + 1), place)


def quantiles(counts: Mapping[int, int], at: Sequence[float]) -> list[float | None]:
    """Values that the given shares of all are at or below, rounded; None where there are none."""
    whole = sum(counts.values())
    return [rounded(_at(counts, max(math.ceil(share * whole), 1))) if whole else None for share in at]


def rounded(value: float) -> float:
    """Return an estimate with the digits that it is worth: in steps of about its own error.

    That of 119.16 is 2.38, so the value is 120, a multiple of 2.
    """
    if value == 0:
        return value
    power = math.floor(math.log10(abs(value))) - 2
    step = next(step for step, most in _STEPS if abs(value) < most * 10.0 ** (power + 2))
    # By division where that is exact: 0.12 isn't 12 * 0.01.
    places = round(value * 10.0**-power / step) * step
    return places * 10.0**power if power >= 0 else places / 10.0**-power


# Steps that values are rounded to, in units of the third digit, by the largest first digit they apply to.
_STEPS = ((2, 2), (5, 5), (10, math.inf))


def _at(counts: Mapping[int, int], rank: int) -> float:
    seen = 0
    for place in sorted(counts):
        seen += counts[place]
        if seen >= rank:
            return value_of(place)
    raise ValueError("There are not so many")


def distribution(counts: Mapping[int, int], edges: Sequence[float]) -> list[int]:
    """Return how many are below the first edge, from each edge to the next, and at the last or above."""
    found = [0] * (len(edges) + 1)
    for place, count in counts.items():
        value = value_of(place)
        found[sum(value >= edge for edge in edges)] += count
    return found
