"""The app of rollups."""

from django.apps import AppConfig


class RollupsConfig(AppConfig):
    """Aggregates of events and sessions."""

    name = "reports.rollups"
    label = "rollups"
    verbose_name = "Rollups"

    def ready(self) -> None:
        """Register the erasure of actors."""
        from reports.rollups import erasure  # noqa: F401  (registers it)
