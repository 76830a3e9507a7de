"""Formatting of numbers, sizes, durations and long texts for people."""

from decimal import Decimal

from wcwidth import iter_graphemes

from events.wire.columns import give_number

_COUNTS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
_BYTES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def short_count(value: Decimal | float) -> str:
    """Return 1.2 M for 1,234,567."""
    return _in_units(value, _COUNTS, "")


def size_text(value: Decimal | float) -> str:
    """Return a number of bytes in units of 1,000, as prices and limits count them: 14.8 MB."""
    return _in_units(value, _BYTES, " B")


def _in_units(value: Decimal | float, units: tuple[tuple[int, str], ...], smallest: str) -> str:
    number = float(value)
    for unit, letter in units:
        if abs(number) >= unit * 0.9995:
            scaled = number / unit
            return f"{scaled:.{0 if abs(scaled) >= 99.95 else 1}f}".removesuffix(".0") + f" {letter}"
    if number == int(number):
        return f"{int(number)}{smallest}"
    return f"{number:.{1 if abs(number) >= 10 else 2}f}".rstrip("0").removesuffix(".") + smallest


def duration_text(seconds: Decimal | float) -> str:
    """Return a duration in its two largest units; below a minute to hundredths of a second."""
    if seconds < 60:
        return f"{float(seconds):.2f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    for size, unit, below_size, below_unit in _UNITS:
        if whole >= size:
            rest = whole % size // below_size
            return f"{whole // size} {unit}" + (f" {rest} {below_unit}" if rest else "")
    raise AssertionError("a minute is the smallest")


_UNITS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


def number_text(value: float) -> str:
    """Return a double with the digits that were sent, and a whole one as an integer."""
    return repr(give_number(value))


def shorten(text: str, length: int = 48) -> str:
    """Shorten a text in the middle, where ids differ least. Doesn't split characters as people see them."""
    if len(text) <= length:
        return text
    half = (length - 1) // 2
    return f"{start_of(text, half)}…{_tail(text, half)}"


# Characters read beyond a cut, so that the longest emoji is complete.
_BEYOND = 32


def start_of(text: str, most: int) -> str:
    """Return the start of a text, of at most `most` characters, without cutting a letter or emoji in two."""
    taken = 0
    for cluster in iter_graphemes(text[: most + _BEYOND]):
        if taken + len(cluster) > most:
            break
        taken += len(cluster)
    return text[: taken or most]


def _tail(text: str, most: int) -> str:
    """Return the end of a text, without cutting a letter or emoji in two."""
    taken, begin = 0, max(0, len(text) - most - _BEYOND)
    while begin and "\U0001f1e6" <= text[begin] <= "\U0001f1ff":  # flags are pairs of letters
        begin -= 1
    for cluster in reversed(list(iter_graphemes(text[begin:]))):
        if taken + len(cluster) > most:
            break
        taken += len(cluster)
    return text[-(taken or most) :]
