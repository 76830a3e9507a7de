"""The app of mail."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """Addresses, and the mail sent to them."""

    name = "reports.mail"
    label = "mail"
    verbose_name = "Mail"

    def ready(self) -> None:
        """Register erasure steps, a janitor, kinds of mail, and the sender of account mails."""
        from events.accounts import mailing
        from reports.mail import retention  # noqa: F401  (registers a janitor and erasure steps)
        from reports.mail.account_mails import AccountMailer  # needs loaded models

        mailing.register(AccountMailer())
