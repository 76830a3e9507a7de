"""All models of the app, so that Django finds them."""

from ingestion.discarded import DiscardedEvent
from ingestion.erased_ids import ErasedId
from ingestion.idempotency import IdempotencyKey
from ingestion.inbox import InboxRequest
from ingestion.rejected import RejectedEvent
from ingestion.rejected_size import RejectedSize
from ingestion.replay_jobs import ReplayJob

__all__ = [
    "DiscardedEvent",
    "ErasedId",
    "IdempotencyKey",
    "InboxRequest",
    "RejectedEvent",
    "RejectedSize",
    "ReplayJob",
]
