"""Filters: what a report is about, as plain data. Pages read them from the URL, functions take them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from reports.periods import Granularity, Period


class Bots(StrEnum):
    """Ways to count events and sessions of bots."""

    USUAL = ""  # in what is about events, not in what is about people
    COUNTED = "counted"
    LEFT_OUT = "left_out"
    ONLY = "only"

    def wanted(self, *, of_people: bool) -> bool | None:
        """Return the required `is_bot` in figures about people or about events; None if both count."""
        usual = False if of_people else None
        return {Bots.USUAL: usual, Bots.COUNTED: None, Bots.LEFT_OUT: False, Bots.ONLY: True}[self]

    @property
    def narrows(self) -> bool:
        """True if events are left out."""
        return self.wanted(of_people=False) is not None


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
    bots: Bots = Bots.USUAL

    def over(self, period: Period) -> Self:
        """The same question about another period."""
        return replace(self, period=period, compare=None)

    def by_utc_hours(self) -> Self:
        """The same question to what is counted by hour of receipt."""
        compare = self.compare.by_utc_hours() if self.compare else None
        return replace(self, period=self.period.by_utc_hours(), compare=compare)

    @property
    def of_people(self) -> Self:
        """The same question about people: without bots, unless they are asked for."""
        return replace(self, bots=Bots.LEFT_OUT) if self.bots is Bots.USUAL else self

    @property
    def of_bots(self) -> Self:
        """The same question about bots alone."""
        return replace(self, bots=Bots.ONLY, compare=None)

    @property
    def is_beyond_usage(self) -> bool:
        """True if counters of usage can't answer: they know no versions, countries and bots."""
        return bool(self.versions) or self.is_beyond_warnings

    @property
    def is_beyond_warnings(self) -> bool:
        """True if counters of quality warnings can't answer: they know no countries and bots."""
        return bool(self.countries) or self.bots.narrows

    @property
    def compared(self) -> Self | None:
        """The same question about the period that this one is compared with; None where none is."""
        return self.over(self.compare) if self.compare else None
