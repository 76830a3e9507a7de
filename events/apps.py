"""The app that holds events: kinds, ownership, store, reading."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Events of all kinds, and whose they are."""

    name = "events"
    verbose_name = "Telemetry"

    def ready(self) -> None:
        """Connect what must be known once all models are loaded."""
        from events import checks, export_forgetting, partitions  # noqa: F401  (registers what it has)

        partitions.connect()
