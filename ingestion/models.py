"""All models of the app, so that Django finds them."""

from ingestion.inbox import InboxRequest
from ingestion.rejected import RejectedEvent

__all__ = ["InboxRequest", "RejectedEvent"]
