"""Retention of mail: copies of messages are removed after MAIL_COPIES_DAYS; the record of each mail stays."""

from datetime import datetime, timedelta

from django.conf import settings

from events.lib.janitors import janitor
from reports.mail.sent import SentMail, State

OVER = (State.SENT, State.FAILED, State.UNKNOWN, State.SKIPPED)


@janitor("copies of mails")
def forget_copies(now: datetime) -> int:
    """Remove the messages of mails finished more than MAIL_COPIES_DAYS ago; returns their number."""
    before = now - timedelta(days=settings.MAIL_COPIES_DAYS)
    old = SentMail.objects.filter(state__in=OVER, changed_at__lt=before).exclude(message=b"")
    return old.update(message=b"") if settings.MAIL_COPIES_DAYS else 0
