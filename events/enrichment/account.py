"""Account: the tenant, user and scope of a Buildless event, which are the API key's to say.

Source: Buildless's protobuf schema: `event.scope` is output only, tenant and user are those of the key. What
a client sends that differs is kept in `extra` and warned of; what it doesn't send is no part of the way back.
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
    """Fill scope, tenant and user from what the key says."""
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
        # Null or of another type: it is in the remainder already, and comes back from there.
        if at(taken.extra, path) is ABSENT:
            taken.adaptations.append(FILLED + ".".join(path))
    elif sent != value:
        taken.extra = put(taken.extra, path, sent)
        if sent and sent not in same:
            taken.warnings.append(Warned(".".join(path), "differs"))
