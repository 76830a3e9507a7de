"""The inbox's side of the admin: rejected events, their replays and the books; requests that wait."""

from ingestion.admin.inbox import InboxRequestAdmin
from ingestion.admin.rejected import RejectedEventAdmin
from ingestion.admin.replays import ReplayJobAdmin

__all__ = ["InboxRequestAdmin", "RejectedEventAdmin", "ReplayJobAdmin"]
