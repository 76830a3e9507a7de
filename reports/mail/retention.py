"""Retention of mail: copies of messages go after a time, and the record of what went to whom stays."""

from datetime import datetime, timedelta

from django.conf import settings

from events.janitors import janitor
from reports.mail.sent import SentMail, State

OVER = (State.SENT, State.FAILED, State.UNKNOWN, State.SKIPPED)


@janitor("copies of mails")
def forget_copies(now: datetime) -> int:
    """Remove messages of mails that were over MAIL_COPIES_DAYS ago; returns how many."""
    before = now - timedelta(days=settings.MAIL_COPIES_DAYS)
    old = SentMail.objects.filter(state__in=OVER, changed_at__lt=before).exclude(message=b"")
    return old.update(message=b"") if settings.MAIL_COPIES_DAYS else 0
