"""Celery tasks of mail."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from events.accounts import passwords
from reports.mail import delivery


@shared_task(name="reports.mail", time_limit=600)
def deliver(**_: Any) -> None:
    """Queue the links to new passwords that were asked for, hand over what waits, and say what got lost."""
    passwords.send_links(timezone.now())
    delivery.mark_lost(timezone.now())
    delivery.deliver_due()
