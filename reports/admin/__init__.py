"""The reports' side of the admin. Importing it registers every page."""

from reports.admin import addresses, mails, subscriptions

__all__ = ["addresses", "mails", "subscriptions"]
