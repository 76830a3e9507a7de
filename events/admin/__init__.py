"""The admin pages of everything in `events`. Importing the package registers them."""

from events.admin import (
    audit_trail,
    events,
    exports,
    invitations,
    keys,
    members,
    owners,
    people,
    sessions,
    sources,
    webhook_log,
    webhooks,
)

__all__ = [
    "audit_trail",
    "events",
    "exports",
    "invitations",
    "keys",
    "members",
    "owners",
    "people",
    "sessions",
    "sources",
    "webhook_log",
    "webhooks",
]
