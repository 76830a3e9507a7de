"""Mails about accounts: which are sent is known here, how mail goes is not. The app of mail registers itself,
since nothing here may know of reports.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

INVITATION, PASSWORD = "invitation", "password"


@dataclass(frozen=True)
class Mail:
    """One mail: to a person, or to an address that may be nobody's."""

    kind: str
    key: str  # what may be sent only once
    about: str  # the primary key of what it is about
    to: str
    user: Any = None  # whose address it is
    asked_by: Any = None  # who had it sent to a stranger


class Mailer(Protocol):
    """What sends mail."""

    def send(self, mail: Mail, now: datetime) -> str:
        """Have it sent within a minute; why not, as a sentence, empty where it will be."""

    def refusal(self, asked_by: Any, to: str, now: datetime) -> str:
        """Why a person may not have another mail sent to a stranger now; empty where they may."""

    def where(self) -> str:
        """Where mails end up, as a sentence, if not in mailboxes; empty with a mail server."""


_mailers: list[Mailer] = []


def register(mailer: Mailer) -> None:
    """Let `mailer` send the mails from now on."""
    _mailers[:] = [mailer]


def mailer() -> Mailer:
    """What sends mail. Raises IndexError where the app of mail isn't installed."""
    return _mailers[0]
