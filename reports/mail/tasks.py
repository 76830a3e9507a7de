"""Celery tasks of mail."""

from celery import shared_task
from django.utils import timezone

from events.accounts import passwords
from reports.mail import delivery


@shared_task(name="reports.mail", time_limit=600)
def deliver(**_: object) -> None:
    """Queue requested password links, deliver waiting mail, and mark lost mail."""
    passwords.send_links(timezone.now())
    delivery.mark_lost(timezone.now())
    delivery.deliver_due()
