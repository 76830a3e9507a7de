"""All models of the app, so that Django finds them."""

from ingestion.erasure.erased_ids import ErasedId
from ingestion.receiving.inbox import IdempotencyKey, InboxRequest
from ingestion.rejected.discarding import DiscardedEvent
from ingestion.rejected.event import RejectedEvent, RejectedSize
from ingestion.rejected.replay_jobs import ReplayJob

__all__ = [
    "DiscardedEvent",
    "ErasedId",
    "IdempotencyKey",
    "InboxRequest",
    "RejectedEvent",
    "RejectedSize",
    "ReplayJob",
]
