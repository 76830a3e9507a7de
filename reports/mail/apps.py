"""The app of mail."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """Addresses, and the mail sent to them."""

    name = "reports.mail"
    label = "mail"
    verbose_name = "Mail"

    def ready(self) -> None:
        """Register erasure steps, a janitor, kinds of mail, and the senders of other apps' mails."""
        from events.accounts import mailing
        from events.webhooks import notices
        from reports.mail import retention  # noqa: F401  (registers a janitor and erasure steps)
        from reports.mail.account_mails import AccountMailer  # needs loaded models
        from reports.mail.webhook_mails import tell_leads

        mailing.register(AccountMailer())
        notices.register(tell_leads)
