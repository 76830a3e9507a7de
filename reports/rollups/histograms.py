"""Log histograms: distributions with exponential bins, mergeable and accurate to 2 %.

Bin `b` holds values from GAMMA ** (b - 1) to GAMMA ** b, so a bin's representative value differs from the
values in it by at most ERROR. Negative values use the bins of their absolute values, negated. Values near
zero are in bin 0.
"""

import math
from collections.abc import Mapping, Sequence

ERROR = 0.02
ROUNDING = 0.0125  # rounding adds at most this
GAMMA = (1 + ERROR) / (1 - ERROR)
NOTHING = 1e-9  # amounts below it are 0
_SHIFT = 1_000  # makes bins of amounts above NOTHING positive


def bin_sql(value: str) -> str:
    """Return the SQL of a value's bin."""
    amount = f"abs(({value})::float8)"
    number = f"{_SHIFT} + ceil(ln(greatest({amount}, {NOTHING})) / {math.log(GAMMA)!r})"
    return f"CASE WHEN {amount} < {NOTHING} THEN 0 ELSE sign({value}) * ({number}) END"


def value_of(place: int) -> float:
    """Return the representative value of a bin."""
    if place == 0:
        return 0.0
    return math.copysign(2 * GAMMA ** (abs(place) - _SHIFT) / (GAMMA + 1), place)


def quantiles(counts: Mapping[int, int], at: Sequence[float]) -> list[float | None]:
    """Return the values at the given quantiles, rounded; None without values."""
    whole = sum(counts.values())
    return [rounded(_at(counts, max(math.ceil(share * whole), 1))) if whole else None for share in at]


def rounded(value: float) -> float:
    """Round an estimate to its accuracy, in steps of about its error.

    That of 119.16 is 2.38, so the value is 120, a multiple of 2.
    """
    if value == 0:
        return value
    power = math.floor(math.log10(abs(value))) - 2
    step = next(step for step, most in _STEPS if abs(value) < most * 10.0 ** (power + 2))
    # Divides where that is exact: 0.12 isn't 12 * 0.01.
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
    """Count the values below the first edge, between edges, and from the last edge on."""
    found = [0] * (len(edges) + 1)
    for place, count in counts.items():
        value = value_of(place)
        found[sum(value >= edge for edge in edges)] += count
    return found
