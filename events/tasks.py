"""Celery tasks of the event store."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from events.partitions import make_partitions, weeks_ahead


@shared_task(name="events.manage_partitions")
def manage_partitions(**_: Any) -> None:
    """Make the weeks to come before they begin."""
    make_partitions(weeks_ahead(timezone.now()))
