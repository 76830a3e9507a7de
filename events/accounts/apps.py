"""The app of accounts: its tables have migrations of their own."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People's way in, and the audit trail."""

    name = "events.accounts"
    label = "accounts"

    verbose_name = "Accounts"

    def ready(self) -> None:
        """Listen to log-ins and memberships."""
        from events.accounts import checks, forgetting, leaving, logins, roles  # noqa: F401  (loaded models)

        logins.connect()
        roles.connect()
        leaving.connect()
