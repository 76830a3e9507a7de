"""Details: rows of the kinds' own tables, fetched for their events, and events as they were sent."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import models

from events.event import Event
from events.kinds import KINDS

# An event with its row of the kind's table; None where that is missing or not asked for.
Pair = tuple[Event, models.Model | None]


def with_details(events: Iterable[Event]) -> list[Pair]:
    """Events of any kinds with their rows of the kinds' tables: one statement for each kind among them."""
    events = list(events)
    by_kind: dict[str, list[Any]] = defaultdict(list)
    for event in events:
        by_kind[event.kind].append(event.pk)
    details = {
        row.pk: row
        for kind, ids in by_kind.items()
        for row in KINDS[kind].model._default_manager.filter(pk__in=ids)
    }
    return [(event, details.get(event.pk)) for event in events]
