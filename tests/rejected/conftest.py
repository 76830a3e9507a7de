"""What tests of rejected events share: people as in the admin's tests, and events with a fault."""

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
    """Whether tables and counters agree."""
    return differences() == []


def pageless(mid: str = "IMPRESSION:1", **changes: Any) -> dict[str, Any]:
    """An impression without the page that it must have."""
    return log_event(mid, eid="IMPRESSION", edata={"type": "view"}) | changes


def refused(sender: Sender, *events: Any) -> list[RejectedEvent]:
    """Post V3 events and file them; all that is rejected of the sender's owner, oldest first."""
    sender.batch(*(events or (pageless(),)))
    file_all()
    return list(RejectedEvent.objects.filter(owner=sender.key.default_owner).order_by("pk"))


def strict_fault(mid: str = "LOG:strict") -> dict[str, Any]:
    """An event that strict validation refuses and lenient takes."""
    return log_event(mid, ets=str(now_ms()))


def set_validation(sender: Sender, validation: str) -> None:
    """Hold the sender's owner to another validation from now on."""
    from events.ownership import senders

    owner = sender.key.default_owner
    owner.validation = validation
    owner.save(update_fields=["validation"])
    senders.forget()
