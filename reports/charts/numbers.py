"""Numbers: formats of each unit, short in drawings and exact in tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import ceil, floor, log10
from typing import Any

from events.lib.formatting import duration_text, short_count, size_text

Number = int | float | Decimal
NOTHING = "-"  # shown for a missing value; zero isn't missing
_LENGTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
TIMES = "times as much"
TICKS = 4  # approximate number of steps on an axis
_ROOM = 100_000
CENTS, FEW_PLACES, MOST_PLACES = 2, 4, 6  # decimals of money
MONEY_FORMAT = "#,##0.00????"  # of XLSX: points stand below each other
SMALLEST, LARGEST = 1e-300, 1e300  # limits of an axis, since floats end beyond them


def exact_count(value: Number) -> str:
    """Format a whole number with all digits, others with three decimals."""
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.3f}".rstrip("0")


def share(value: Number) -> str:
    """Format a share (1 is all) in percent. Values close to 0 or 100 % aren't rounded to them."""
    percent = float(value) * 100
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent >= 999.95 or percent == int(percent) else f"{percent:.1f} %"


def exact_share(value: Number) -> str:
    """Format a share (1 is all) in percent, with three decimals."""
    return f"{float(value) * 100:.3f} %"


def seconds(value: Number) -> str:
    """Format a duration in its two largest units."""
    return duration_text(float(value))


def exact_seconds(value: Number) -> str:
    """Format a duration in seconds."""
    return f"{float(value):,.3f} s"


Writer = Callable[[Any], str]  # of a unit's numbers


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a number."""

    name: str  # on an axis
    short: Writer = short_count
    exact: Writer = exact_count
    is_whole: bool = False  # True if there is nothing between 0 and 1
    is_length: bool = False  # True if it is counted in sixties
    in_files: str = ""  # unit in files, unless the column's name says it
    number_format: str = ""  # in XLSX
    column: Callable[[Sequence[Any]], Writer] | None = None  # how it writes values to line up

    def in_table(self, value: Number) -> str:
        """Format a value in a column. Counts have all digits, so that they line up."""
        return self.exact(value) if self.short is short_count else self.short(value)

    def writer(self, values: Sequence[Number]) -> Writer:
        """Return a function that formats these values so that they line up in a column."""
        return self.column(values) if self.column else self.in_table

    def at_large(self, value: Number) -> str:
        """Format a value shown by itself, with all digits except for the largest counts."""
        has_room = self.is_whole and self.short is short_count and abs(float(value)) < _ROOM
        return self.exact(value) if has_room else self.short(value)

    def exactly(self, value: Number | None) -> str:
        """Format a value with its unit, for people."""
        if value is None:
            return "no data"
        text = self.exact(value)
        return f"{text} {self.name}" if self.short is short_count and self.name else text


def count(name: str) -> Unit:
    """Return a unit of whole numbers. The noun is in the plural."""
    return Unit(name, is_whole=True, number_format="#,##0")


def mean(name: str) -> Unit:
    """Return a unit of numbers that may have decimals."""
    return Unit(name)


def money(currency: str) -> Unit:
    """Return a unit of amounts, written to the cent, or with significant digits below 1."""
    return Unit(
        currency,
        lambda value: f"{_amount(value)} {currency}",
        lambda value: f"{_all_digits(value)} {currency}",
        in_files=currency,
        number_format=MONEY_FORMAT,
        column=partial(_amounts, currency),
    )


def _all_digits(value: Number) -> str:
    """Format an amount with all its digits. Trailing zeros after the cents are cut off."""
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    if "." not in text:
        return text
    whole, _, rest = text.rstrip("0").partition(".")
    return f"{whole}.{rest.ljust(2, '0')}"


SHARE = Unit("share", share, exact_share, number_format="0.0%")
SECONDS = Unit("time", seconds, exact_seconds, is_length=True, in_files="s", number_format="#,##0.00")
BYTES = Unit(
    "bytes",
    size_text,
    lambda value: f"{int(value):,} bytes",
    is_whole=True,
    in_files="bytes",
    number_format="#,##0",
)


def _amount(value: Number) -> str:
    number = float(value)
    if 0 < abs(number) < 1:
        return f"{number:.{_places(number)}f}".rstrip("0").ljust(4, "0")
    return f"{number:,.2f}" if abs(number) < 10_000 else f"{number:,.0f}"


def _places(number: float) -> int:
    """Return how many decimals show three significant digits of an amount below 1."""
    return min(MOST_PLACES, 2 - floor(log10(abs(number))))


def _ends_in_zero(number: float, places: int) -> bool:
    text = f"{number:.{places}f}"
    return text.endswith("0") and float(text) != 0


def _amounts(currency: str, values: Sequence[Number]) -> Writer:
    """Return a function that writes a column's amounts with as many decimals as the smallest one needs.

    If the column has amounts of 100 and more, it writes at most four decimals. Amounts that would round to
    zero are written as less than the smallest one.
    """
    numbers = [float(value) for value in values if value]
    small = [number for number in numbers if abs(number) < 1]
    places = max(map(_places, small), default=CENTS)
    while places > CENTS and all(_ends_in_zero(number, places) for number in small):
        places -= 1
    if max(map(abs, numbers), default=0.0) >= 100:
        places = min(places, FEW_PLACES)
    least = 10.0**-places

    def write(value: Any) -> str:
        if 0 < abs(value) < least / 2:
            return f"< {least:.{places}f} {currency}" if value > 0 else f"> -{least:.{places}f} {currency}"
        return f"{value:,.{places}f} {currency}"

    return write


def ticks(most: Number, unit: Unit) -> list[tuple[float, str]]:
    """Return round numbers from zero to the first one not below the largest value, with labels."""
    top = float(most) or (1.0 if unit.is_whole or not unit.is_length else 60.0)
    top = min(max(top, 1.0 if unit.is_whole else SMALLEST), LARGEST)
    step = _length_step(top) if unit.is_length and top > 1 else _step(top)
    if unit.is_whole:
        step = max(step, 1.0)
    places = range(ceil(top / step - 1e-9) + 1)
    return [(at := float(f"{place * step:.12g}"), unit.short(at)) for place in places]


def _step(top: float) -> float:
    rough = top / TICKS
    power: float = 10.0 ** floor(log10(rough))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * 0.9999)


def _length_step(top: float) -> float:
    return next(
        (float(step) for step in _LENGTHS if top / step <= TICKS + 1), ceil(top / 86_400 / TICKS) * 86_400.0
    )


@dataclass(frozen=True, slots=True)
class Change:
    """The change from one value to another, in words."""

    text: str
    tone: str = ""  # good or bad, if an increase is either

    @property
    def than(self) -> str:
        """Return the words before the compared value: "times as much as" or "than"."""
        return f"{self.text} {'as' if self.text.endswith(TIMES) else 'than'}"


def change(value: Number | None, before: Number | None, *, more_is: str = "") -> Change | None:
    """Return the change from the previous value, or None if they can't be compared."""
    if value is None or before is None:
        return None
    if before == value:
        return Change("as before")
    if not before:
        return Change("none before", _tone(True, more_is))
    percent = (float(value) - float(before)) * 100 / abs(float(before))
    text = f"{abs(percent):,.0f} %" if abs(percent) >= 1 else "< 1 %"
    if percent >= 1_000:
        text = f"{float(value) / float(before):,.0f} {TIMES}"
        return Change(text, _tone(True, more_is))
    return Change(f"{text} {'more' if percent > 0 else 'less'}", _tone(percent > 0, more_is))


def points(value: float | None, before: float | None, *, more_is: str = "") -> Change | None:
    """Return the change of a share in percentage points, or None as for `change`.

    Computed from the rounded shares, so that the two numbers shown and their difference agree.
    """
    if value is None or before is None:
        return None
    if value == before:
        return Change("as before")
    differs = abs(round(value * 100, 1) - round(before * 100, 1))
    text = f"{differs:.1f} points" if differs >= 0.05 else "< 0.1 points"
    return Change(f"{text} {'more' if value > before else 'less'}", _tone(value > before, more_is))


def _tone(is_more: bool, more_is: str) -> str:
    if not more_is:
        return ""
    return more_is if is_more else {"good": "bad", "bad": "good"}[more_is]
