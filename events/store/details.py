"""Details: loads the rows of kind tables for events, and rebuilds events as they were sent."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from events.event import Event
from events.kinds import KINDS
from events.kinds.base import Kind
from events.wire import values
from events.wire.values import Wire

# An event with its row of the kind's table; None if that is missing.
Pair = tuple[Event, Kind | None]


def details_of(events: Iterable[Event]) -> dict[UUID, Kind]:
    """Return the rows of the kinds' tables by event id: one statement per kind."""
    by_kind: dict[str, list[UUID]] = defaultdict(list)
    for event in events:
        by_kind[event.kind].append(event.pk)
    return {
        row.pk: row
        for kind, ids in by_kind.items()
        for row in KINDS[kind].model._default_manager.filter(pk__in=ids)
    }


def detail_of(event: Event) -> Kind | None:
    """Return the row of the kind's table of one event; None if it is missing."""
    return details_of([event]).get(event.pk)


def with_details(events: Iterable[Event]) -> list[Pair]:
    """Return events of any kinds with their rows of the kinds' tables."""
    events = list(events)
    details = details_of(events)
    return [(event, details.get(event.pk)) for event in events]


def as_wire(event: Event, detail: Kind | None = None) -> dict[str, Wire]:
    """Rebuild an event as its sender wrote it, from columns and `extra`: equal JSON values.

    Pass `detail`, the row of the kind's table, if it is already loaded.
    """
    sent = KINDS[event.kind].schema.give(event, detail or detail_of(event), event.extra)
    adaptations = event.adaptations or ()
    return values.undo(values.from_store(sent, adaptations), adaptations)
