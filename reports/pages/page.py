"""Page: the declaration of a report: address, place in the navigation, and the function that builds it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from events.store.retention import NOTHING_REMOVED, Retention
from reports.filters import Filters
from reports.pages.links import Links
from reports.pages.report import Report

OF_EVENTS = ("owner", "source", "kind", "version", "country", "bots")
ALL_FILTERS = (*OF_EVENTS, "period", "compare", "granularity", "zone")


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that a page needs besides filters. Without a request, so that tests can easily make one."""

    now: datetime
    links: Links
    owners: dict[int, str]  # those that the person sees, by key
    sources: dict[int, str]
    sees_all: bool  # an operator: what belongs to no owner too
    params: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of the page itself: see Page.own
    compared: str = "the period before"  # name of the compared period
    kept: Retention = NOTHING_REMOVED  # since when events and figures are kept
    is_incomplete: bool = False  # figures are incomplete: no comparisons, no warnings

    def first(self, name: str) -> str:
        """Return the last value of one of the page's own parameters, or an empty text."""
        return next(reversed(self.params.get(name, ())), "")


@dataclass(frozen=True, slots=True)
class Page:
    """A report page."""

    name: str  # in its address, /reports/NAME/
    title: str
    icon: str  # a name of Material Symbols
    build: Callable[[Filters, Context], Report]
    group: str = "Reports"  # of the navigation
    operators_only: bool = False
    filters: tuple[str, ...] = ALL_FILTERS  # supported filters
    own: tuple[str, ...] = ()  # the page's own parameters
    # The sessions or events of bots that it leaves out by default, counted and in words: see `bots`.
    of_bots: Callable[[Filters, Context], tuple[int, str]] | None = None
    refresh_seconds: int = 0  # interval of automatic refreshes
