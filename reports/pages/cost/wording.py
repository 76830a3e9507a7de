"""Wording of the cost pages: names of parts and comparisons."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reports.charts import palette
from reports.charts.numbers import Unit, change, money
from reports.cost.meters import METERS
from reports.figures.cost.charges import DIMENSIONS
from reports.pages.page import Context
from reports.pages.report import Control
from reports.periods import DAY, month_of
from reports.query.relation import Key

PLATFORM, NO_KIND = "(platform cost)", "(unknown)"
BY = {"source": "Source", "kind": "Kind", "dialect": "Dialect", "meter": "Meter", "owner": "Owner"}
NOTE = (
    "All times are UTC. An event is charged in the hour of its receipt, however late it is; other reports"
    " use its time of occurrence. Amounts are rounded only for display: hover over them or download CSV"
    " for exact ones."
)


@dataclass(frozen=True, slots=True)
class Names:
    """Names and colours of the values of each dimension."""

    context: Context

    def of(self, by: str, key: Key) -> str:
        """Return the name of a key."""
        if key is None:
            return PLATFORM
        if by == "source":
            return self.context.sources.get(key, f"source {key}")
        if by == "owner":
            return self.context.owners.get(key, f"owner {key}")
        if by == "meter":
            return METERS[key].label if key in METERS else str(key)
        return str(key) or NO_KIND

    def hues(self, by: str, keys: Sequence[Key]) -> Mapping[Key, int]:
        """Return the colours of keys, most expensive first. A chart and its table pass the same keys."""
        known = [key for key in keys if key is not None][: palette.MOST]
        if by == "meter":
            return palette.of_names([*METERS])
        if by in ("source", "owner"):
            return palette.of_sources(known)
        return palette.of_kinds(known) if by == "kind" else palette.of_names(known)


def by_of(context: Context) -> str:
    """Return the selected dimension."""
    selected = context.first("by")
    return selected if selected in dimensions(context) else "source"


def dimensions(context: Context) -> list[str]:
    """Return the useful dimensions. A reader who sees one owner needs no breakdown by owner."""
    return [name for name in DIMENSIONS if name != "owner" or len(context.owners) > 1]


def by_control(context: Context) -> Control:
    """Return the field that selects the dimension."""
    offered = tuple((name, BY[name]) for name in dimensions(context))
    return Control("by", "Split by", by_of(context), offered)


def unit_of(currency: str) -> Unit:
    """Return the unit of amounts in a currency."""
    return money(currency)


def used(name: str) -> Unit:
    """Return the unit of a meter's quantities, which may be far below one."""
    if name == "Events":
        return Unit("events", is_whole=True)
    return Unit(
        name, lambda value: f"{float(value):,.3g} {name}", lambda value: f"{value.normalize():,f} {name}"
    )


def precise(currency: str) -> Unit:
    """Return the unit of unit prices, with all digits."""
    plain = money(currency)
    return Unit(currency, plain.exact, plain.exact, in_files=currency, number_format=plain.number_format)


def signed(currency: str) -> Unit:
    """Return the unit of changes in cost, with a sign."""
    plain = money(currency)

    def short(value: Decimal) -> str:
        text = plain.short(value)
        return f"+{text}" if value > 0 and not text.startswith("0.00 ") else text

    def exact(value: Decimal) -> str:
        return f"+{plain.exact(value)}" if value > 0 else plain.exact(value)

    def column(values: Sequence[Decimal]) -> Callable[[Decimal], str]:
        assert plain.column is not None
        write = plain.column(values)

        def signed(value: Decimal) -> str:
            text = write(value)
            return f"+{text}" if value > 0 and not text.startswith("<") else text

        return signed

    return Unit(currency, short, exact, in_files=currency, number_format=plain.number_format, column=column)


def compared(cost: Decimal | None, before: Decimal, month: date) -> str:
    """Return the change in cost from the previous month, as part of a sentence."""
    former = month_of(month - DAY)
    if not before:
        return ""
    differs = change(cost, before)
    if differs is None:
        return ""
    return f", {differs.than} {former:%B}" if differs.text != "as before" else f", as much as {former:%B}"
