"""The admin pages of events, sessions, sources, owners and people. Importing the package registers them."""

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
]
