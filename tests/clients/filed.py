"""The outcome of requests after filing."""

from typing import Any

from events.event import Event
from events.store.details import as_wire
from events.store.usage import WarningHour
from ingestion.filing.drain import drain
from ingestion.rejected.event import RejectedEvent


class Filed:
    """Everything that the drain stored, in order of time."""

    def __init__(self) -> None:
        self.drained = drain()
        self.events = list(Event.objects.select_related("owner", "source").order_by("id"))
        self.rejected = list(RejectedEvent.objects.order_by("id"))

    @property
    def wire(self) -> list[dict[str, Any]]:
        """The events as sent."""
        return [as_wire(event) for event in self.events]

    @property
    def warnings(self) -> set[tuple[str, str, str]]:
        """The quality warnings as kind, path and code."""
        return set(WarningHour.objects.values_list("kind", "path", "code"))
