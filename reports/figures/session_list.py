"""The latest sessions behind a number, some of them by name."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from events.sessions.session import Session
from reports.figures.sessions import DEPTH_EDGES, SPENT_EDGES
from reports.filters import Filters
from reports.rollups.columns import has_key

LISTED = 50
# Their filters.
COLUMNS = {"entry": "first_page", "exit": "last_page", "device": "device_type", "os": "os_name"}
RANGES = {"spent": ("time_spent", SPENT_EDGES), "pages": ("page_views", DEPTH_EDGES)}


@dataclass(frozen=True, slots=True)
class Among:
    """Which sessions are listed: all, or those that share something."""

    what: str = ""  # of COLUMNS or RANGES
    value: str = ""  # of a range: its place

    @property
    def text(self) -> str:
        """As it stands in the address."""
        return f"{self.what}:{self.value}" if self.what else ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A session."""

    id: UUID
    name: str
    source_id: int
    started_at: datetime
    time_spent: float  # seconds
    page_views: int
    events: int
    errors: int
    first_page: str
    last_page: str


def among_of(text: str) -> Among:
    """What an address asks for; all where it can't be meant."""
    what, _, value = text.partition(":")
    if what in RANGES:
        places = range(len(RANGES[what][1]) + 1)
        return Among(what, value) if value in map(str, places) else Among()
    return Among(what, value) if what in COLUMNS else Among()


def listed(filters: Filters, among: Among) -> list[Listed]:
    """The latest of them."""
    found = _narrowed(in_period(filters), among).order_by("-started_at", "-id")[:LISTED]
    return [
        Listed(
            row.pk,
            str(row),
            row.source_id,
            row.started_at,
            float(row.time_spent),
            row.page_views,
            row.events,
            row.errors,
            row.first_page or "",
            row.last_page or "",
        )
        for row in found
    ]


def in_period(filters: Filters) -> QuerySet[Session]:
    """The sessions that filters leave."""
    rows = Session.objects.filter(started_at__gte=filters.period.since, started_at__lt=filters.period.until)
    narrowed = {
        "owner_id__in": filters.owners,
        "source_id__in": filters.sources or None,
        "version__in": filters.versions or None,
        "country__in": filters.countries or None,
        "is_bot": filters.bots.wanted(of_people=True),
    }
    return rows.filter(**{name: values for name, values in narrowed.items() if values is not None})


def _narrowed(rows: QuerySet[Session], among: Among) -> QuerySet[Session]:
    if among.what in COLUMNS:
        return rows.filter(has_key(COLUMNS[among.what], among.value))
    if among.what in RANGES:
        column, edges = RANGES[among.what]
        place = int(among.value)
        if place > 0:
            rows = rows.filter(**{f"{column}__gte": edges[place - 1]})
        return rows.filter(**{f"{column}__lt": edges[place]}) if place < len(edges) else rows
    return rows
