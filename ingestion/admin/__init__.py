"""The admin of ingestion: rejected events, their replays and accounts, and waiting requests."""

from ingestion.admin.inbox import InboxRequestAdmin
from ingestion.admin.rejected import RejectedEventAdmin
from ingestion.admin.replays import ReplayJobAdmin

__all__ = ["InboxRequestAdmin", "RejectedEventAdmin", "ReplayJobAdmin"]
