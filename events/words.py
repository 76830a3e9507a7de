"""Words: how numbers, lengths of time and long texts are written for people, wherever they are shown."""

from decimal import Decimal

from events.wire.columns import give_number


def lasting(seconds: Decimal | float) -> str:
    """A length of time in its two largest units; below a minute to hundredths."""
    if seconds < 60:
        return f"{float(seconds):.2f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    for size, unit, below_size, below_unit in _UNITS:
        if whole >= size:
            rest = whole % size // below_size
            return f"{whole // size} {unit}" + (f" {rest} {below_unit}" if rest else "")
    raise AssertionError("a minute is the smallest")


_UNITS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


def number(value: float) -> str:
    """A double with the digits that it was sent with; a whole one as a whole number."""
    return repr(give_number(value))


def cut(text: str, length: int = 48) -> str:
    """A text cut in the middle, where ids differ least."""
    if len(text) <= length:
        return text
    half = (length - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
