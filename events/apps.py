"""The app of events: kinds, ownership, store, reading."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Events of all kinds, and their owners."""

    name = "events"
    verbose_name = "Telemetry"

    def ready(self) -> None:
        """Connect signals and registries that need all models."""
        from events import checks  # noqa: F401  (registers system checks)
        from events.exports import jobs  # noqa: F401  (registers its janitor and its erasure step)
        from events.feed import retention  # noqa: F401  (registers its janitor)
        from events.partitioned import partitions
        from events.webhooks import webhook  # noqa: F401  (registers its janitor and its erasure step)

        partitions.connect()
