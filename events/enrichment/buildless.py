"""Session and actor of a Buildless event, which names neither as such."""

from events.enrichment.facts import Facts
from events.wire.schema import Taken


def identify(taken: Taken, facts: Facts) -> None:
    """Set the session (the stream's id, else the event's scope) and the actor (the user, else the user
    detail's uid).
    """
    kind = taken.kind
    taken.envelope["session"] = facts.context.get("sid") or _bounded(kind.get("scope"))
    taken.envelope["actor"] = _bounded(kind.get("user")) or _bounded(kind.get("user_id"))


def _bounded(text: str | None) -> str | None:
    """Return an id of ordinary length; longer ones stay in their own column."""
    return text if text and len(text) <= 512 else None
