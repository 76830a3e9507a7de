"""Records of a session's events for tests."""

from typing import Any
from uuid import UUID

from events.identity import event_number
from events.sessions.record import Record

BEGIN_MS = 1_700_000_000_000
OWNER = UUID(int=1)


def at(seconds: float, kind: str, *details: str | None, **columns: Any) -> Record:
    """Return an event `seconds` after the session began."""
    ms = BEGIN_MS + round(seconds * 1000)
    identity = f"{kind}{seconds}{details}{columns}"
    columns.setdefault("dialect", "sunbird")
    return Record(UUID(int=event_number(ms, OWNER, identity)), kind, details=details or None, **columns)


def view(seconds: float, page: str, environment: str = "home", kind: str = "view") -> Record:
    return at(seconds, "impression", page, kind, environment=environment)


def touch(seconds: float) -> Record:
    return at(seconds, "interact", "TOUCH")
