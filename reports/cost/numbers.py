"""Exact numbers: decimals of any length in the database, and arithmetic that refuses to round."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, localcontext
from typing import Any

from django.db import models

ZERO, ONE, HUNDRED = Decimal(0), Decimal(1), Decimal(100)
QUANTITY_STEP = Decimal(1).scaleb(-18)  # quantities are multiples of it
MONEY_STEP = Decimal("0.01")  # shares of a fixed cost are multiples of it
# Quantities have 18 decimals, prices 10, discounts 5: a product and the sum of a month fit with room.
_EXACT = Context(prec=80, traps=[Inexact, InvalidOperation, DivisionByZero])
_ROUNDING = Context(prec=80, rounding=ROUND_HALF_EVEN)


def exactly() -> AbstractContextManager[Context]:
    """Return a context in which a result that would need rounding is an error."""
    return localcontext(_EXACT)


def sum_of(values: Iterable[Decimal]) -> Decimal:
    """Return the exact sum; Python's default context would round to 28 digits."""
    with exactly():
        return sum(values, ZERO)


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Divide, rounding half-even to 18 decimals."""
    return _ROUNDING.divide(dividend, divisor).quantize(QUANTITY_STEP, context=_ROUNDING)


def plain(number: Decimal) -> str:
    """Write all digits of a number, without exponent and trailing zeros."""
    return f"{number.normalize(_EXACT):f}"


class ExactField(models.DecimalField[Any, Any]):
    """A decimal of any length: unbounded `numeric`, so that no cost is rounded when stored."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_digits": 80, "decimal_places": 40, **options})

    def db_type(self, connection: object) -> str:
        """Return the unbounded type."""
        return "numeric"
