"""The state of a cost page for one reader, and the stacked series of its charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from reports.charts import palette
from reports.charts.time_chart import Series, top_and_rest
from reports.cost.numbers import ZERO
from reports.figures.cost.charges import MonthsCost
from reports.filters import Filters
from reports.pages.cost.wording import Names
from reports.pages.links import rejected_groups
from reports.pages.page import Context
from reports.query.relation import Key

OTHERS = "others"


@dataclass(frozen=True, slots=True)
class View:
    """A month as shown to one reader."""

    found: MonthsCost
    currency: str
    filters: Filters
    context: Context
    names: Names

    @property
    def rejected(self) -> str:
        """Return the address of the page about events rejected in the month."""
        return rejected_groups(self.filters)


def stack(
    names: Names,
    by: str,
    hues: Mapping[Key, int],
    places: Sequence[date | datetime],
    costs: Mapping[Any, Mapping[Key, Decimal]],
    now: datetime,
) -> list[Series]:
    """Return a series for each of the largest keys, and one for the rest. Future values are None."""
    keys = sorted({key for at in costs.values() for key, cost in at.items() if cost}, key=str)
    found = [
        (
            str(number),
            [None if _begin(place) > now else costs.get(place, {}).get(key, ZERO) for place in places],
        )
        for number, key in enumerate(keys)
    ]
    ranked = top_and_rest(found, rest=OTHERS)
    return [
        Series(OTHERS, values, palette.REST)
        if name == OTHERS
        else Series(
            names.of(by, key := keys[int(name)]),
            values,
            hues.get(key, palette.REST),
            (by, str(key)) if by in ("source", "kind", "owner") and key else None,
        )
        for name, values in ranked
    ]


def _begin(place: date | datetime) -> datetime:
    return place if isinstance(place, datetime) else datetime(place.year, place.month, place.day, tzinfo=UTC)


def narrowed(context: Context, by: str, key: Key) -> str:
    """Return the address of the same page for one part only, if the filters support it."""
    if by not in ("source", "kind", "owner") or key in (None, ""):
        return ""
    return context.links.here(**{by: key})
