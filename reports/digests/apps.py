"""The app of summary reports by mail."""

from django.apps import AppConfig


class DigestsConfig(AppConfig):
    """Subscriptions and what became of them."""

    name = "reports.digests"
    label = "digests"
    verbose_name = "Digests"

    def ready(self) -> None:
        """Let mail know what digests ask of it."""
        from reports.digests import sending

        sending.connect()
