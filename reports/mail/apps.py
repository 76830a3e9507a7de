"""The app of mail."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """Addresses, and what was sent to them."""

    name = "reports.mail"
    label = "mail"
    verbose_name = "Mail"
