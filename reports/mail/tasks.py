"""Celery tasks of mail."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from reports.mail import sending


@shared_task(name="reports.mail", time_limit=600)
def deliver(**_: Any) -> None:
    """Hand over what waits, and say what got lost."""
    sending.give_up_lost(timezone.now())
    sending.deliver_due()
