"""Transport: one conversation with the mail server about one message, and what its answers mean.

The only place that touches Django's mail backends. With SMTP the conversation is held step by step, so the
answer to the message is kept, and it is known whether the address, the message or the way failed.
"""

import email
import re
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from email import policy
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from django.core import mail
from django.core.mail.backends import smtp

from reports.mail.text import line

_DOTS = re.compile(rb"(?m)^\.")
_OF_MAILBOX = re.compile(r"\b5\.[12]\.\d+\b")  # RFC 3463: of the address, of the mailbox


class Verdict(StrEnum):
    """What a conversation came to."""

    SENT = "sent"
    LATER = "later"  # this mail, now; also whatever may be mended on our side
    REFUSED = "refused"  # the message, for good
    GONE = "gone"  # the address, for good
    UNKNOWN = "unknown"  # all was said and nothing answered
    AWAY = "away"  # no server to speak with: nothing else need be tried now


@dataclass(frozen=True)
class Outcome:
    """A verdict and what the server said, or what went wrong."""

    verdict: Verdict
    answer: str


class _Ready(mail.EmailMessage):
    """A message that is made already, for backends that want Django's."""

    def __init__(self, ready: bytes, to: str) -> None:
        super().__init__(to=[to])
        self._ready = ready

    def message(self, **_: Any) -> Any:
        """The message."""
        return email.message_from_bytes(self._ready, policy=policy.SMTP)


class Line:
    """A line to the mail server, open while it is needed; opened again after it broke."""

    def __init__(self) -> None:
        self._backend = mail.get_connection(fail_silently=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def deliver(self, message: bytes, *, sender: str, to: str) -> Outcome:
        """Hand a message over."""
        if not isinstance(self._backend, smtp.EmailBackend):
            return self._give(message, to)
        try:
            self._backend.open()
            assert self._backend.connection is not None
            self._backend.connection.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException) as error:
            self.hang_up()
            return Outcome(Verdict.AWAY, _said(error))
        return self._converse(self._backend.connection, message, sender, to)

    def _give(self, message: bytes, to: str) -> Outcome:
        """To a backend that is no server: a file, the console, a list."""
        try:
            self._backend.send_messages([_Ready(message, to)])
        except OSError as error:
            return Outcome(Verdict.AWAY, _said(error))
        kept = type(self._backend).__module__.rpartition(".")[2]
        return Outcome(Verdict.SENT, f"No mail server is set up; the mail went to {kept}.")

    def _converse(self, server: smtplib.SMTP, message: bytes, sender: str, to: str) -> Outcome:
        """MAIL, RCPT, DATA, each with what a refusal means."""
        try:
            steps: tuple[tuple[Callable[[], tuple[int, bytes]], Verdict], ...] = (
                (lambda: server.mail(sender), Verdict.LATER),  # ours to mend
                (lambda: server.rcpt(to), Verdict.GONE),
                (lambda: server.docmd("DATA"), Verdict.REFUSED),
            )
            for step, for_good in steps:
                code, said = step()
                if code not in (250, 251, 354):
                    self._start_over(server)
                    return _outcome(code, said, for_good)
            server.send(_DOTS.sub(b"..", message.rstrip(b"\r\n") + b"\r\n"))
        except (OSError, smtplib.SMTPException) as error:
            self.hang_up()
            return Outcome(Verdict.LATER, _said(error))
        try:
            # From the last dot on the mail may be on its way, whatever happens to us.
            server.send(b".\r\n")
            code, said = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.hang_up()
            return Outcome(Verdict.UNKNOWN, _said(error))
        return _outcome(code, said, Verdict.REFUSED)

    def _start_over(self, server: smtplib.SMTP) -> None:
        try:
            server.rset()
        except (OSError, smtplib.SMTPException):
            self.hang_up()

    def hang_up(self) -> None:
        """Close, also what is broken: Django's own close says goodbye first, and may wait for an answer."""
        connection = getattr(self._backend, "connection", None)
        if connection is not None:
            connection.close()
            self._backend.connection = None  # type: ignore[attr-defined]  # of SMTP's


def _outcome(code: int, said: bytes, for_good: Verdict) -> Outcome:
    answer = line(f"{code} {said.decode('utf-8', 'replace')}", 500)
    if code // 100 == 2:
        return Outcome(Verdict.SENT, answer)
    if code // 100 != 5:
        return Outcome(Verdict.LATER, answer)
    # Some servers know of a mailbox only once they have the message.
    is_of_mailbox = for_good == Verdict.REFUSED and _OF_MAILBOX.search(answer)
    return Outcome(Verdict.GONE if is_of_mailbox else for_good, answer)


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return line(
            f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}", 500
        )
    return line(f"{type(error).__name__}: {error}", 500)
