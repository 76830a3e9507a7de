"""The app of mail."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """Addresses, and what was sent to them."""

    name = "reports.mail"
    label = "mail"
    verbose_name = "Mail"

    def ready(self) -> None:
        """Register how an actor is forgotten, and how long copies are kept."""
        from reports.mail import forgetting, retention  # noqa: F401  (registers them)
