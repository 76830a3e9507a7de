"""All models of the app, so that Django finds them."""

from ingestion.idempotency import IdempotencyKey
from ingestion.inbox import InboxRequest
from ingestion.rejected import RejectedEvent

__all__ = ["IdempotencyKey", "InboxRequest", "RejectedEvent"]
