"""Celery tasks of ingestion. They accept keywords that a later release may send."""

from celery import shared_task

from ingestion.filing.drain import TICK_SECONDS, tick
from ingestion.rejected import (
    api,  # noqa: F401  (registers rejected events for exports and webhooks)
    replay_jobs,
)


@shared_task(name="ingestion.drain", time_limit=300)
def drain(**_: object) -> None:
    """File what waits; a backlog calls for a second worker."""
    tick(call_for_help=lambda: drain.apply_async(expires=TICK_SECONDS))


@shared_task(name="ingestion.replay", time_limit=600)
def replay(**_: object) -> None:
    """Continue the replays that were requested."""
    replay_jobs.tick()
