"""All models of the app, so that Django finds them."""

from events.accounts.entry import AuditEntry

__all__ = ["AuditEntry"]
