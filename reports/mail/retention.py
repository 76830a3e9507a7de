"""Retention of mail: copies of messages are removed after MAIL_COPIES_DAYS; the record of each mail stays."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from io import BytesIO
from pathlib import Path
from typing import cast

from django.conf import settings

from events.lib.janitors import janitor
from events.ownership.erased import Erased, forgets
from events.spreadsheets import xlsx_file
from reports.mail.models import Attempt, SentMail, State

OVER = (State.SENT, State.FAILED, State.UNKNOWN, State.SKIPPED)


@janitor("copies of mails")
def forget_copies(now: datetime) -> int:
    """Remove the messages of mails finished more than MAIL_COPIES_DAYS ago; returns their number."""
    before = now - timedelta(days=settings.MAIL_COPIES_DAYS)
    old = SentMail.objects.filter(state__in=OVER, changed_at__lt=before).exclude(message=b"")
    return old.update(message=b"") if settings.MAIL_COPIES_DAYS else 0


REASON = "It named an actor who was erased before it was sent."


@forgets("mails")
def forget_mails(erased: Erased, now: datetime) -> int:
    """Remove the copies of mails that name the actor, and don't send pending ones."""
    changed = 0
    for mail in SentMail.objects.order_by("pk").iterator(100):
        # The record of a mail without a copy may still name the actor.
        if not (
            _mentions(bytes(mail.message), erased) or erased.is_in(mail.subject) or erased.is_in(mail.answer)
        ):
            continue
        redacted = {
            "message": b"",
            "subject": erased.redact(mail.subject),
            "answer": erased.redact(mail.answer),
        }
        changed += SentMail.objects.filter(pk=mail.pk).update(**redacted)
        waiting = SentMail.objects.filter(pk=mail.pk, state=State.CLAIMED)
        waiting.update(state=State.SKIPPED, answer=REASON, changed_at=now)
        for attempt in Attempt.objects.filter(mail=mail):
            Attempt.objects.filter(pk=attempt.pk).update(answer=erased.redact(attempt.answer))
    return changed


@forgets("mail_files")
def forget_files(erased: Erased, _: datetime) -> int:
    """Remove the files of mails that name the actor, if mails are written to files."""
    named = getattr(settings, "EMAIL_FILE_PATH", None)
    found = [
        path
        for path in (sorted(Path(named).rglob("*")) if named else ())
        if path.is_file() and _mentions(path.read_bytes(), erased)
    ]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def _mentions(message: bytes, erased: Erased) -> bool:
    return any(erased.is_in(text) for text in texts_of(message))


def texts_of(message: bytes) -> Iterator[str]:
    """Yield the texts of a mail, decoded: its headers and its parts except pictures."""
    parsed = message_from_bytes(message, policy=policy.default)
    for part in parsed.walk():
        yield from (str(value) for value in part.values())
        if part.is_multipart() or part.get_content_maintype() == "image":
            continue
        content = cast(bytes, part.get_payload(decode=True))
        if part.get_content_type() == xlsx_file.TYPE:
            yield from xlsx_file.texts_in(BytesIO(content))
        else:
            yield content.decode("utf-8", "replace")
