"""Locales: how a digest writes numbers and dates. The words are always English."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

NO_BREAK = "\N{NO-BREAK SPACE}"
NARROW = "\N{NARROW NO-BREAK SPACE}"
MANY = 1_000  # percent; from here on, say how many times as much
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Locale:
    """Separators of numbers, and the format of dates ({d}, {m}, {y} in digits, {b} the month's name)."""

    title: str
    group: str
    point: str
    form: str

    def number(self, value: Decimal | float, places: int = 0) -> str:
        """Write a number with a number of decimals."""
        rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        marks = str.maketrans({",": self.group, ".": self.point})
        return f"{rounded:,}".translate(marks)

    def percent(self, value: Decimal | float, places: int = 0) -> str:
        """Write a percentage."""
        return f"{self.number(value, places)}{NO_BREAK}%"

    def day(self, day: date) -> str:
        """Write a day."""
        return self.form.format(d=day.day, m=day.month, y=day.year, b=MONTHS[day.month - 1])

    def days(self, first: date, last: date) -> str:
        """Write a range of days."""
        return self.day(first) if first == last else f"{self.day(first)} to {self.day(last)}"

    def change(self, now: Decimal | float, before: Decimal | float) -> str:
        """Write a change in words."""
        if not before:
            return "nothing before" if now else "as before"
        percent = round((Decimal(str(now)) - Decimal(str(before))) * 100 / Decimal(str(before)))
        if percent == 0:
            return "as before"
        if percent >= MANY:
            return f"{self.number(Decimal(str(now)) / Decimal(str(before)))} times as much"
        return f"{self.percent(abs(percent))} {'more' if percent > 0 else 'less'}"


LOCALES = {
    "en-gb": Locale("English, United Kingdom: 1,234.5, 2 Mar 2026", ",", ".", "{d} {b} {y}"),
    "en-us": Locale("English, United States: 1,234.5, Mar 2, 2026", ",", ".", "{b} {d}, {y}"),
    "de": Locale("German numbers and dates: 1.234,5, 02.03.2026", ".", ",", "{d:02}.{m:02}.{y}"),
    "de-ch": Locale("Swiss numbers and dates: 1’234.5, 02.03.2026", "’", ".", "{d:02}.{m:02}.{y}"),  # noqa: RUF001
    "fr": Locale(f"French numbers and dates: 1{NARROW}234,5, 02/03/2026", NARROW, ",", "{d:02}/{m:02}/{y}"),
    "sv": Locale(f"Swedish numbers and dates: 1{NARROW}234,5, 2026-03-02", NARROW, ",", "{y}-{m:02}-{d:02}"),
}
DEFAULT = "en-gb"


def locale_of(code: str) -> Locale:
    """Return the locale of a code, or the default for an unknown one."""
    return LOCALES.get(code, LOCALES[DEFAULT])
