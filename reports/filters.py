"""Filters: what a report is about, as plain data. Pages read them from the URL, functions take them."""

from dataclasses import dataclass, replace
from typing import Self

from reports.periods import Granularity, Period


@dataclass(frozen=True, slots=True)
class Filters:
    """An empty tuple narrows nothing, but for `owners`: there it is nobody's events, and None everybody's.

    Whoever makes one takes care that `owners` are within what the person may see.
    """

    owners: tuple[int, ...] | None
    period: Period
    granularity: Granularity
    compare: Period | None = None
    sources: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()

    def over(self, period: Period) -> Self:
        """The same question about another period."""
        return replace(self, period=period, compare=None)

    def by_utc_hours(self) -> Self:
        """The same question to what is counted by hour of receipt."""
        compare = self.compare.by_utc_hours() if self.compare else None
        return replace(self, period=self.period.by_utc_hours(), compare=compare)

    @property
    def compared(self) -> Self | None:
        """The same question about the period that this one is compared with; None where none is."""
        return self.over(self.compare) if self.compare else None
