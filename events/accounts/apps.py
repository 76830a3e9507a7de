"""The app of accounts, with its own tables and migrations."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Logins and the audit trail."""

    name = "events.accounts"
    label = "accounts"

    verbose_name = "Accounts"

    def ready(self) -> None:
        """Connect the signals of logins and memberships."""
        # Importing them registers a check, janitors and an erasure step.
        from events.accounts import audit, logins, members, second_factor  # noqa: F401

        logins.connect()
        members.connect_lead_group()
        members.connect_key_revocation()
