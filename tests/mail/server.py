"""A real mail server for tests: aiosmtpd in a thread, with configurable responses and delays."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.serving import free_port


@dataclass
class Box:
    """Received mails, and the server's responses. A key of `answers` is a step, or a step and a recipient."""

    answers: dict[Any, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # how long a step takes
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # every recipient in a RCPT
    port: int = 0

    def to(self, address: str) -> list[EmailMessage]:
        return [message for to, message in self.taken if to == address]

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        self.asked.append(address)
        await asyncio.sleep(self.seconds.get("RCPT", 0))
        answer = self.answers.get(("RCPT", address)) or self.answers.get("RCPT")
        if answer is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.sleep(self.seconds.get("DATA", 0))
        (to,) = envelope.rcpt_tos
        answer = self.answers.get(("DATA", to)) or self.answers.get("DATA")
        if answer is not None:
            return answer
        self.taken.append((to, message_from_bytes(envelope.content, policy=policy.default)))
        return f"250 2.0.0 Taken as {len(self.taken)}"


@contextmanager
def serving(box: Box) -> Iterator[Box]:
    """Run the server on a free port."""
    box.port = box.port or free_port()
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
