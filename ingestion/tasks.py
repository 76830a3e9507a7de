"""Celery tasks of ingestion."""

from typing import Any

from celery import shared_task

from ingestion.filing import draining
from ingestion.rejected import replay_running


@shared_task(name="ingestion.drain", time_limit=300)
def drain(**_: Any) -> None:
    """File what waits; a backlog calls for help. Takes keywords that a later release may send."""
    draining.tick(call_for_help=lambda: drain.apply_async(expires=draining.TICK_SECONDS))


@shared_task(name="ingestion.replay", time_limit=600)
def replay(**_: Any) -> None:
    """Go on with the replays that somebody has asked for."""
    replay_running.tick()
