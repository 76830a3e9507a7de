"""Summaries: computes the measures of a session from its events, in the order of their ids, in one pass.

Rules of the V3 SUMMARY and the reference summariser, with pages as docs/explanation/architecture.md says:
a gap between two events counts if it is 600 s or less, rounded half-up to hundredths of a second; a visit of
a page runs to the next page or to the end of the session. Memory grows with the numbers of distinct pages,
actors and ids, each up to a bound, not with the number of events.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from events.identity import name_part
from events.sessions.record import MAX_TEXT, Record, is_anonymous, meaning

IDLE_MS = 600_000  # a longer gap is idle time: it counts nothing
INACTIVITY_MS = 1_800_000  # a longer gap cuts a session that has no id
DEFAULT_TYPE = "app"  # as the reference has it where no START names one
MAX_PAGES = 10_000  # distinct pages of a session; further ones are combined into one
OTHER_PAGES = "(other)"
MAX_ACTORS = 100  # distinct actors counted in a session
MAX_NAMES = 10_000  # events of a session compared by id


class Page(NamedTuple):
    """The time spent on a page in one environment."""

    page: str
    type: str | None  # as on the first visit
    environment: str | None
    time_spent: Decimal  # seconds
    visits: int


class Environment(NamedTuple):
    """The time spent on the pages of an environment."""

    environment: str
    time_spent: Decimal  # seconds
    visits: int


class Summary(NamedTuple):
    """The measures of a session. `first` and `last` are its entry and exit events."""

    first: Record
    last: Record
    type: str
    mode: str | None
    time_spent: Decimal  # seconds
    page_views: int
    interactions: int
    errors: int
    events: int
    pages: tuple[Page, ...]  # in the order of their first visits
    environments: tuple[Environment, ...]  # of the pages; an event without one has none
    counts: dict[str, int]  # by kind
    first_page: str | None
    last_page: str | None
    # Taken from the first event that has it.
    actor: str | None
    actor_type: str | None
    device: str | None
    channel: str | None
    version: str | None
    country: str | None
    is_bot: bool = False  # all events with a known user agent are from bots, and there is at least one
    actors: int = 0  # different ones, without anonymous ones
    reused_ids: int = 0  # events with the client's id of an earlier one


def summarise(records: Iterable[Record]) -> Summary:
    """Return the summary of one session. Raises `ValueError` without events."""
    (summary,) = cut(records, None)
    return summary


def cut(records: Iterable[Record], inactivity_ms: int | None) -> Iterator[Summary]:
    """Yield the summaries of the sessions of records, divided at gaps of more than `inactivity_ms`."""
    fold: _Fold | None = None
    for record in records:
        if fold is None:
            fold = _Fold(record)
        elif inactivity_ms is not None and record.occurred_ms - fold.ms > inactivity_ms:
            yield fold.summary()
            fold = _Fold(record)
        else:
            fold.add(record)
    if fold is not None:
        yield fold.summary()


# Taken from the first event that has it.
_FOUND = ("actor", "device", "channel", "version", "country")


class _Visits:
    """The visits of one page."""

    __slots__ = ("hundredths", "type", "visits")

    def __init__(self, kind: str | None) -> None:
        self.type = kind
        self.hundredths = 0
        self.visits = 0


class _Fold:
    """A session as read so far. Times are whole milliseconds and hundredths, so sums are exact."""

    def __init__(self, first: Record) -> None:
        self.first = self.last = first
        self.ms = first.occurred_ms
        self.hundredths = 0
        self.page_views = self.interactions = self.errors = 0
        self.type: str | None = None
        self.mode: str | None = None
        self.counts: dict[str, int] = {}
        self.pages: dict[tuple[str, str | None], _Visits] = {}
        self.open: _Visits | None = None
        self.first_page: str | None = None
        self.last_page: str | None = None
        self.found: dict[str, str | None] = {}
        self.sought: tuple[str, ...] = _FOUND
        self.is_bot: bool | None = None
        self.actors: set[str] = set()
        self.names: set[int] = set()
        self.reused_ids = 0
        self._take(first)

    def add(self, record: Record) -> None:
        """Add the next event in the order of ids."""
        ms = record.occurred_ms
        gap = ms - self.ms
        if gap <= IDLE_MS:
            hundredths = (gap + 5) // 10
            self.hundredths += hundredths
            if self.open is not None:
                self.open.hundredths += hundredths
        self.ms = ms
        self.last = record
        self._take(record)

    def _take(self, record: Record) -> None:
        self.counts[record.kind] = self.counts.get(record.kind, 0) + 1
        if self.sought:
            self._seek(record)
        if record.is_bot is not None and self.is_bot is not False:
            self.is_bot = record.is_bot
        if record.actor and record.actor not in self.actors:
            self._add_actor(record)
        name = name_part(record.id.int)
        if name in self.names:
            self.reused_ids += 1  # at another time; at the same time it would be the same event
        elif len(self.names) < MAX_NAMES:
            self.names.add(name)
        means = meaning(record)
        self.interactions += means.interactions
        self.errors += means.errors
        if means.page is not None:
            self._open(means.page, means.page_type, record.environment)
        if self.type is None and means.type is not None:
            self.type, self.mode = means.type, means.mode

    def _add_actor(self, record: Record) -> None:
        if record.actor and len(self.actors) < MAX_ACTORS and not is_anonymous(record):
            self.actors.add(record.actor)

    def _seek(self, record: Record) -> None:
        for name in self.sought:
            value = getattr(record, name)
            if value:
                self.found[name] = value
                if name == "actor":
                    self.found["actor_type"] = record.actor_type
        self.sought = tuple(name for name in self.sought if name not in self.found)

    def _open(self, page: str, kind: str | None, environment: str | None) -> None:
        self.page_views += 1
        if self.first_page is None:
            self.first_page = page
        self.last_page = page
        place = (page, environment and environment[:MAX_TEXT])
        visits = self.pages.get(place)
        if visits is None and len(self.pages) >= MAX_PAGES:
            place, kind = (OTHER_PAGES, None), None
            visits = self.pages.get(place)
        if visits is None:
            visits = self.pages[place] = _Visits(kind)
        visits.visits += 1
        self.open = visits

    def summary(self) -> Summary:
        """Return the summary of the records so far."""
        pages = tuple(
            Page(page, visits.type, environment, _seconds(visits.hundredths), visits.visits)
            for (page, environment), visits in self.pages.items()
        )
        return Summary(
            first=self.first,
            last=self.last,
            type=self.type or DEFAULT_TYPE,
            mode=self.mode,
            time_spent=_seconds(self.hundredths),
            page_views=self.page_views,
            interactions=self.interactions,
            errors=self.errors,
            events=sum(self.counts.values()),
            pages=pages,
            environments=_environments(pages),
            counts=self.counts,
            first_page=self.first_page,
            last_page=self.last_page,
            actor_type=self.found.get("actor_type"),
            is_bot=bool(self.is_bot),
            actors=len(self.actors),
            reused_ids=self.reused_ids,
            **{name: self.found.get(name) for name in _FOUND},
        )


def _environments(pages: Iterable[Page]) -> tuple[Environment, ...]:
    """Sum the pages of each environment, in the order of first visits."""
    sums: dict[str, tuple[Decimal, int]] = {}
    for page in pages:
        if page.environment is not None:
            seconds, visits = sums.get(page.environment, (Decimal(0), 0))
            sums[page.environment] = (seconds + page.time_spent, visits + page.visits)
    return tuple(Environment(name, *measures) for name, measures in sums.items())


def _seconds(hundredths: int) -> Decimal:
    return Decimal(hundredths).scaleb(-2)
