"""The reports' side of the admin. Importing it registers every page."""

from reports.admin import addresses, budgets, mails, prices, subscriptions

__all__ = ["addresses", "budgets", "mails", "prices", "subscriptions"]
