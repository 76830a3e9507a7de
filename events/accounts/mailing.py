"""Mails about accounts, independent of how they are sent.

The mail app registers its sender here, because `events` may not import `reports`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.contrib.auth.models import User

INVITATION, PASSWORD = "invitation", "password"


@dataclass(frozen=True)
class Mail:
    """One mail, to a person or to an address without an account."""

    kind: str
    key: str  # of which only one mail is sent
    about: str  # the primary key of the object it is about
    to: str
    user: User | None = None  # the person with the address
    asked_by: User | None = None  # the person who sends it to a stranger


class Mailer(Protocol):
    """Interface of the mail app."""

    def send(self, mail: Mail, now: datetime) -> str:
        """Send a mail within a minute. Returns why it can't be sent, as a sentence, or an empty text."""

    def refusal(self, asked_by: User, to: str, now: datetime) -> str:
        """Return why a person may not send another mail to a stranger now, or an empty text."""

    def where(self) -> str:
        """Return where mails are written without a mail server, as a sentence; an empty text with one."""


_mailers: list[Mailer] = []


def register(mailer: Mailer) -> None:
    """Register the sender of mails."""
    _mailers[:] = [mailer]


def mailer() -> Mailer:
    """Return the sender of mails. Raises IndexError if the mail app isn't installed."""
    return _mailers[0]
