"""The app of mail."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """Addresses, and what was sent to them."""

    name = "reports.mail"
    label = "mail"
    verbose_name = "Mail"

    def ready(self) -> None:
        """Register what forgets actors and old copies, kinds of mail, and what sends mails about accounts."""
        from events.accounts import mailing
        from reports.mail import retention as forgetting  # noqa: F401  (registers them)
        from reports.mail.account_mails import AccountMailer  # needs loaded models

        mailing.register(AccountMailer())
