"""Accounts of Buildless events: the tenant, user and scope of the API key, and the session and actor.

Source: Buildless's protobuf schema: `event.scope` is output only, tenant and user are those of the key. If a
client sends other values, they are kept in `extra` with a warning. Filled-in values aren't given back.
"""

from events.enrichment.facts import TENANT, USER, Facts
from events.wire.schema import ABSENT, Taken, Warned, at, put
from events.wire.values import FILLED

ORGANIZATION = "org_"  # how a tenant's name begins on the wire
PATHS = {"tenant": ("event", "tenant"), "user": ("event", "user")}


def tenant_name(slug: str) -> str:
    """Return the organization's name as a tenant on the wire."""
    return slug if slug.startswith(ORGANIZATION) else ORGANIZATION + slug


def scope(tenant: str, user: str) -> str | None:
    """Return the account of a key: the organization, else the user of a personal key."""
    if tenant:
        return f"tenant::{tenant}"
    return f"user::{user}" if user else None


def fill(taken: Taken, facts: Facts) -> None:
    """Fill scope, tenant and user from the key."""
    tenant, user = facts.context.get(TENANT, ""), facts.context.get(USER, "")
    taken.kind["account_scope"] = scope(tenant, user)
    if tenant:
        _fill(taken, "tenant", tenant_name(tenant), same=(tenant, tenant_name(tenant)))
    if user:
        _fill(taken, "user", user, same=(user,))


def _fill(taken: Taken, column: str, value: str, same: tuple[str, ...]) -> None:
    path = PATHS[column]
    sent = taken.kind.get(column)
    taken.kind[column] = value
    if sent is None:
        # Null or of another type, so it is already in the remainder and comes back from there.
        if at(taken.extra, path) is ABSENT:
            taken.adaptations.append(FILLED + ".".join(path))
    elif sent != value:
        taken.extra = put(taken.extra, path, sent)
        if sent and sent not in same:
            taken.warnings.append(Warned(".".join(path), "differs"))


def identify(taken: Taken, facts: Facts) -> None:
    """Set the session (the stream's id or the event's scope) and the actor (the user or the detail's uid)."""
    kind = taken.kind
    taken.envelope["session"] = facts.context.get("sid") or _bounded(kind.get("scope"))
    taken.envelope["actor"] = _bounded(kind.get("user")) or _bounded(kind.get("user_id"))


def _bounded(text: str | None) -> str | None:
    """Return an id of ordinary length; longer ones stay in their own column."""
    return text if text and len(text) <= 512 else None
