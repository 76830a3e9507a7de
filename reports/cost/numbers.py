"""Exact numbers: decimals of any length in the database, and arithmetic that refuses to round."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, localcontext
from typing import Any

from django.db import models

ZERO, ONE, HUNDRED = Decimal(0), Decimal(1), Decimal(100)
QUANTITY_STEP = Decimal(1).scaleb(-18)  # what a quantity is a multiple of
MONEY_STEP = Decimal("0.01")  # what a share of a fixed cost is a multiple of
# Quantities have 18 decimals, prices 10, discounts 5: a product and the sum of a month fit with room.
_EXACT = Context(prec=80, traps=[Inexact, InvalidOperation, DivisionByZero])
_ROUNDING = Context(prec=80, rounding=ROUND_HALF_EVEN)


def exactly() -> AbstractContextManager[Context]:
    """Arithmetic in which a result that would have to be rounded is an error."""
    return localcontext(_EXACT)


def sum_of(values: Iterable[Decimal]) -> Decimal:
    """The sum, not rounded, as that of Python's usual 28 digits may be."""
    with exactly():
        return sum(values, ZERO)


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """A quantity: the quotient, rounded half-even to 18 decimals."""
    return _ROUNDING.divide(dividend, divisor).quantize(QUANTITY_STEP, context=_ROUNDING)


def plain(number: Decimal) -> str:
    """All digits of a number, without an exponent and without zeros at its end."""
    return f"{number.normalize(_EXACT):f}"


class ExactField(models.DecimalField[Any, Any]):
    """A decimal of any length: `numeric` without bounds, so that no cost is rounded on its way in."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_digits": 80, "decimal_places": 40, **options})

    def db_type(self, connection: Any) -> str:
        """Without bounds."""
        return "numeric"
