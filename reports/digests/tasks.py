"""Celery tasks of digests."""

from celery import shared_task

from reports.digests import content, sending


@shared_task(name="reports.digests", time_limit=600)
def send(**_: object) -> None:
    """Send due digests."""
    sending.tick(content.compose)
