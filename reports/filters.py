"""Filters: the selection of a report, as plain data. Pages parse them from the URL, functions take them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from reports.periods import Granularity, Period


class Bots(StrEnum):
    """Ways to count events and sessions of bots."""

    USUAL = ""  # only in figures about events, not about people
    COUNTED = "counted"
    LEFT_OUT = "left_out"
    ONLY = "only"

    def wanted(self, *, of_people: bool) -> bool | None:
        """Return the value of `is_bot` to filter by, in figures about people or events; None for both."""
        usual = False if of_people else None
        return {Bots.USUAL: usual, Bots.COUNTED: None, Bots.LEFT_OUT: False, Bots.ONLY: True}[self]

    @property
    def narrows(self) -> bool:
        """True if events are excluded."""
        return self.wanted(of_people=False) is not None


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a report. An empty tuple filters nothing, except that empty `owners` match no events.

    `owners` None matches all owners. Callers must limit `owners` to those that the person may see.
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
        """Return the same filters for another period."""
        return replace(self, period=period, compare=None)

    def by_utc_hours(self) -> Self:
        """Return the same filters for data counted by hour of receipt."""
        compare = self.compare.by_utc_hours() if self.compare else None
        return replace(self, period=self.period.by_utc_hours(), compare=compare)

    @property
    def of_people(self) -> Self:
        """Return the same filters for figures about people: without bots, unless they were requested."""
        return replace(self, bots=Bots.LEFT_OUT) if self.bots is Bots.USUAL else self

    @property
    def of_bots(self) -> Self:
        """Return the same filters for bots only."""
        return replace(self, bots=Bots.ONLY, compare=None)

    @property
    def is_beyond_usage(self) -> bool:
        """True if usage counters can't apply them: they have no versions, countries and bots."""
        return bool(self.versions) or self.is_beyond_warnings

    @property
    def is_beyond_warnings(self) -> bool:
        """True if counters of quality warnings can't apply them: they have no countries and bots."""
        return bool(self.countries) or self.bots.narrows

    @property
    def compared(self) -> Self | None:
        """Return the same filters for the compared period, or None without one."""
        return self.over(self.compare) if self.compare else None
