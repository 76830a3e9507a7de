"""Transport: handing one message to the mail server, and the meaning of its answers.

Only this module uses Django's mail backends. SMTP is spoken step by step, to record the answer to the
message and to know whether the address, the message or the connection failed.
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

from reports.mail.text import one_line

_DOTS = re.compile(rb"(?m)^\.")
_OF_MAILBOX = re.compile(r"\b5\.[12]\.\d+\b")  # RFC 3463: of the address, of the mailbox


class Verdict(StrEnum):
    """The outcome of an attempt."""

    SENT = "sent"
    LATER = "later"  # a temporary refusal, or an error on our side
    REFUSED = "refused"  # the message was refused permanently
    GONE = "gone"  # the address was refused permanently
    UNKNOWN = "unknown"  # the message was sent but not answered
    AWAY = "away"  # no mail server, so don't try other mail now


@dataclass(frozen=True)
class Outcome:
    """A verdict, with the server's answer or the error."""

    verdict: Verdict
    answer: str


class _Ready(mail.EmailMessage):
    """A finished message, for backends that expect Django's class."""

    def __init__(self, ready: bytes, to: str) -> None:
        super().__init__(to=[to])
        self._ready = ready

    def message(self, **_: object) -> Any:
        """Return the finished message."""
        return email.message_from_bytes(self._ready, policy=policy.SMTP)


class ServerConnection:
    """A connection to the mail server, opened when needed and again after it broke."""

    def __init__(self) -> None:
        self._backend = mail.get_connection(fail_silently=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    def deliver(self, message: bytes, *, sender: str, to: str) -> Outcome:
        """Hand over a message."""
        if not isinstance(self._backend, smtp.EmailBackend):
            return self._send_by_backend(message, to)
        try:
            self._backend.open()
            assert self._backend.connection is not None
            self._backend.connection.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException) as error:
            self.disconnect()
            return Outcome(Verdict.AWAY, _error_text(error))
        return self._send_by_smtp(self._backend.connection, message, sender, to)

    def _send_by_backend(self, message: bytes, to: str) -> Outcome:
        """Send with a backend that is no mail server: a file, the console, a list."""
        try:
            self._backend.send_messages([_Ready(message, to)])
        except OSError as error:
            return Outcome(Verdict.AWAY, _error_text(error))
        kept = type(self._backend).__module__.rpartition(".")[2]
        return Outcome(Verdict.SENT, f"No mail server is configured; the mail was written to {kept}.")

    def _send_by_smtp(self, server: smtplib.SMTP, message: bytes, sender: str, to: str) -> Outcome:
        """Send MAIL, RCPT and DATA, each with the verdict of a permanent refusal."""
        try:
            steps: tuple[tuple[Callable[[], tuple[int, bytes]], Verdict], ...] = (
                (lambda: server.mail(sender), Verdict.LATER),  # an error on our side
                (lambda: server.rcpt(to), Verdict.GONE),
                (lambda: server.docmd("DATA"), Verdict.REFUSED),
            )
            for step, permanent in steps:
                code, said = step()
                if code not in (250, 251, 354):
                    self._reset(server)
                    return _outcome(code, said, permanent)
            server.send(_DOTS.sub(b"..", message.rstrip(b"\r\n") + b"\r\n"))
        except (OSError, smtplib.SMTPException) as error:
            self.disconnect()
            return Outcome(Verdict.LATER, _error_text(error))
        try:
            # From the last dot on, the mail may be on its way.
            server.send(b".\r\n")
            code, said = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.disconnect()
            return Outcome(Verdict.UNKNOWN, _error_text(error))
        return _outcome(code, said, Verdict.REFUSED)

    def _reset(self, server: smtplib.SMTP) -> None:
        try:
            server.rset()
        except (OSError, smtplib.SMTPException):
            self.disconnect()

    def disconnect(self) -> None:
        """Close at once. Django's close sends QUIT first and may wait for an answer."""
        connection = getattr(self._backend, "connection", None)
        if connection is not None:
            connection.close()
            self._backend.connection = None  # type: ignore[attr-defined]  # of SMTP's


def _outcome(code: int, said: bytes, permanent: Verdict) -> Outcome:
    answer = one_line(f"{code} {said.decode('utf-8', 'replace')}", 500)
    if code // 100 == 2:
        return Outcome(Verdict.SENT, answer)
    if code // 100 != 5:
        return Outcome(Verdict.LATER, answer)
    # Some servers find out that a mailbox doesn't exist only once they have the message.
    is_of_mailbox = permanent == Verdict.REFUSED and _OF_MAILBOX.search(answer)
    return Outcome(Verdict.GONE if is_of_mailbox else permanent, answer)


def _error_text(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return one_line(
            f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}", 500
        )
    return one_line(f"{type(error).__name__}: {error}", 500)
