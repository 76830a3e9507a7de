"""Quality warnings of sessions: mistakes that no single event shows."""

from events.wire.schema import Warned

# Paths of the actor and of the event's own id, by dialect.
PATHS = {
    "sunbird": ("actor.id", "mid"),
    "availity": ("telemetryBody.entries.userId", "Idempotency-Key"),
    "buildless": ("event.user", "event.id"),
}


def path_of(dialect: str, code: str) -> str:
    """The field that a warning of a session is about."""
    actor, event_id = PATHS[dialect]
    return actor if code == "several_actors" else event_id


def warnings_of(dialect: str, actors: int, reused_ids: int) -> list[Warned]:
    """Return the warnings of a session with this number of actors and of events under reused ids."""
    actor, event_id = PATHS[dialect]
    found = []
    if actors > 1:
        found.append(Warned(actor, "several_actors", f"{actors:,} actors"))
    if reused_ids:
        found.append(Warned(event_id, "reused_id", f"{reused_ids:,} event{'' if reused_ids == 1 else 's'}"))
    return found
