"""Celery tasks of ingestion."""

from typing import Any

from celery import shared_task

from ingestion import draining


@shared_task(name="ingestion.drain")
def drain(**_: Any) -> None:
    """File what waits; a backlog calls for help. Takes keywords that a later release may send."""
    draining.tick(call_for_help=lambda: drain.apply_async(expires=draining.TICK_SECONDS))
