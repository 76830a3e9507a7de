"""Fixtures for tests of rejected events: the people of the admin's tests, and invalid events."""

from typing import Any

from ingestion.rejected.event import RejectedEvent
from tests.admin.conftest import (
    alice,
    bob,
    charlie,
    lead,
    operator,
    team_a,
    team_b,
)
from tests.sending import Sender, differences, file_all, log_event, now_ms

__all__ = ["alice", "bob", "charlie", "lead", "operator", "team_a", "team_b"]


def is_balanced() -> bool:
    """True if tables and counters agree."""
    return differences() == []


def pageless(mid: str = "IMPRESSION:1", **changes: Any) -> dict[str, Any]:
    """Return an impression without its required page."""
    return log_event(mid, eid="IMPRESSION", edata={"type": "view"}) | changes


def refused(sender: Sender, *events: Any) -> list[RejectedEvent]:
    """Post and file V3 events. Return all rejected events of the sender's owner, oldest first."""
    sender.batch(*(events or (pageless(),)))
    file_all()
    return list(RejectedEvent.objects.filter(owner=sender.key.default_owner).order_by("pk"))


def strict_fault(mid: str = "LOG:strict") -> dict[str, Any]:
    """Return an event that strict validation rejects and lenient validation accepts."""
    return log_event(mid, ets=str(now_ms()))


def set_validation(sender: Sender, validation: str) -> None:
    """Change the validation of the sender's owner."""
    from events.ownership import senders

    owner = sender.key.default_owner
    owner.validation = validation
    owner.save(update_fields=["validation"])
    senders.forget()
