"""Changes of objects, from the events: no rollup keeps states."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from reports.figures.behind import newest
from reports.filters import Filters

CHANGES = 25  # the newest; the rest is a list of events away


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an object."""

    at: datetime
    event_id: str
    object_id: str
    object_type: str
    props: tuple[str, ...]
    before: str
    after: str
    type: str
    actor: str
    seconds: float | None  # that it was in the state before


@dataclass(frozen=True, slots=True)
class Trail:
    """Changes, the newest first."""

    changes: tuple[Change, ...]
    looked_back_to: datetime | None  # where there may be more from before
    has_more: bool


def trail(filters: Filters, about: str = "", limit: int = CHANGES) -> Trail:
    """What changed, of one object where it is named: from the events, since no rollup keeps states."""
    found = newest("audit", filters, limit, of_event=Q(object_id=about) if about else None)
    return Trail(tuple(map(_change, found.rows)), found.looked_back_to, found.has_more)


def _change(row: Any) -> Change:
    event = row.event
    return Change(
        at=event.occurred_at,
        event_id=str(row.pk),
        object_id=event.object_id or "",
        object_type=event.object_type or "",
        props=tuple(row.props or ()),
        before=row.previous_state or "",
        after=row.state or "",
        type=row.type or "",
        actor=event.actor or "",
        seconds=row.duration,
    )
