"""The app of digests: summary reports by mail."""

from django.apps import AppConfig


class DigestsConfig(AppConfig):
    """Subscriptions to digests."""

    name = "reports.digests"
    label = "digests"
    verbose_name = "Digests"

    def ready(self) -> None:
        """Register digests as a kind of mail."""
        from reports.digests import sending

        sending.register_kind()
