"""The reports' side of the admin. Importing it registers every page."""

from reports.admin import addresses, mails, prices, subscriptions

__all__ = ["addresses", "mails", "prices", "subscriptions"]
