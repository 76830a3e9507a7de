"""Ratio: a part of a whole, a mean of a sum: what can't be said without a divisor."""


def ratio(part: float | None, whole: float | None) -> float | None:
    """A quotient; None where either is not known, or there is nothing to divide by."""
    return part / whole if part is not None and whole else None
