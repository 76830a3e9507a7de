"""Locales: how a digest writes numbers and dates. Its words are English in all of them."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

NO_BREAK = "\N{NO-BREAK SPACE}"
NARROW = "\N{NARROW NO-BREAK SPACE}"
MANY = 1_000  # percent more, from where on times say it better
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Locale:
    """Marks of numbers, and the form of dates: {d}, {m}, {y} as digits, {b} the month by name."""

    title: str
    group: str
    point: str
    form: str

    def number(self, value: Decimal | float, places: int = 0) -> str:
        """A number with so many places."""
        rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        marks = str.maketrans({",": self.group, ".": self.point})
        return f"{rounded:,}".translate(marks)

    def percent(self, value: Decimal | float, places: int = 0) -> str:
        """A share in hundredths."""
        return f"{self.number(value, places)}{NO_BREAK}%"

    def day(self, day: date) -> str:
        """A day."""
        return self.form.format(d=day.day, m=day.month, y=day.year, b=MONTHS[day.month - 1])

    def days(self, first: date, last: date) -> str:
        """Days from one to another."""
        return self.day(first) if first == last else f"{self.day(first)} to {self.day(last)}"

    def change(self, now: Decimal | float, before: Decimal | float) -> str:
        """How much more or less, in words."""
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
    """The locale of a code; one that is no longer known is the default."""
    return LOCALES.get(code, LOCALES[DEFAULT])
