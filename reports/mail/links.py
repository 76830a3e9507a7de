"""Links in mails: signed, so that nobody makes one for somebody else; they work without a log-in."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.urls import reverse

from reports.mail.address import Address

CONFIRM = "reports.mail.confirm"
END = "reports.mail.end"
CONFIRM_WITHIN = timedelta(days=7)


def absolute(path: str) -> str:
    """An address of ours as a mail needs it."""
    return str(settings.BASE_URL).rstrip("/") + path


def confirm_url(address: Address) -> str:
    """Where the reader of an address says yes, within a week."""
    token = signing.dumps([address.pk, address.address], salt=CONFIRM)
    return absolute(reverse("mail-confirm", args=[token]))


def end_url(kind: str, about: str, address: Address) -> str:
    """Where a reader ends a kind of mail. It has no date: one must be able to end what an old mail began."""
    token = signing.dumps([kind, about, address.pk], salt=END)
    return absolute(reverse("mail-end", args=[token]))


def read_confirm(token: str) -> tuple[int, str] | None:
    """Key and text of the address that a link is about; None where it is not ours or too old."""
    found = _read(token, CONFIRM, CONFIRM_WITHIN)
    return None if found is None else (found[0], found[1])


def read_end(token: str) -> tuple[str, str, int] | None:
    """Kind, subject and address that a link is about; None where it is not ours."""
    found = _read(token, END, None)
    return None if found is None else (found[0], found[1], found[2])


def _read(token: str, salt: str, within: timedelta | None) -> Any:
    try:
        return signing.loads(token, salt=salt, max_age=within)
    except signing.BadSignature:
        return None
