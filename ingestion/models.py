"""All models of the app, so that Django finds them."""

from ingestion.erasure.erased_ids import ErasedId
from ingestion.receiving.inbox import IdempotencyKey, InboxRequest
from ingestion.rejected.discarded import DiscardedEvent
from ingestion.rejected.event import RejectedEvent
from ingestion.rejected.replay_jobs import ReplayJob
from ingestion.rejected.size import RejectedSize

__all__ = [
    "DiscardedEvent",
    "ErasedId",
    "IdempotencyKey",
    "InboxRequest",
    "RejectedEvent",
    "RejectedSize",
    "ReplayJob",
]
