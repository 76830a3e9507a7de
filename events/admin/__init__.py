"""The admin: what people see of events and of whose they are. Importing it registers every page."""

from events.admin import (
    audit_trail,
    events,
    exports,
    invitations,
    keys,
    kinds,
    members,
    organizations,
    owners,
    sessions,
    sources,
    users,
)

__all__ = [
    "audit_trail",
    "events",
    "exports",
    "invitations",
    "keys",
    "kinds",
    "members",
    "organizations",
    "owners",
    "sessions",
    "sources",
    "users",
]
