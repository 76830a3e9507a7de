"""MailContent: what a mail says, as plain data, and the message that is made of it."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.encoding import punycode

from reports.mail.text import line

LONGEST_LINE = 998  # bytes: RFC 5322


class _Policy(policy.EmailPolicy):
    """Headers in ASCII stay on one line. Python's folding may move a whole subject to the next line, whose
    first blank is then read as part of the subject.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return the lines of a header."""
        text = f"{name}: {value}"
        if text.isascii() and len(text) <= LONGEST_LINE:
            return f"{text}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


# Seven bits: any server takes it, and nothing is rewritten on the way.
POLICY = _Policy(linesep="\r\n", raise_on_defect=False, cte_type="7bit")
_UNNAMED = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Image:
    """A picture in the text: its HTML shows it as `cid:NAME`."""

    name: str
    png: bytes


@dataclass(frozen=True)
class Attachment:
    """A file that comes along."""

    name: str
    content: bytes
    type: str = "text/csv; charset=utf-8"


@dataclass(frozen=True)
class MailContent:
    """One mail, but for whom it is to."""

    subject: str
    text: str
    html: str
    images: tuple[Image, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    end_url: str = ""  # where its reader ends this kind of mail; empty for what comes once
    headers: dict[str, str] = field(default_factory=dict)


def message_id(key: str) -> str:
    """The same for every attempt at a mail, so that a reader's program knows a second copy."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{host}>"


def sender() -> tuple[str, str]:
    """Name and address that mail comes from."""
    name, address = parseaddr(settings.MAIL_FROM)
    return line(name), wire_address(address)


def wire_address(address: str) -> str:
    """An address as mail servers take it: the host in ASCII."""
    local, _, host = address.rpartition("@")
    return f"{local}@{punycode(host)}"


def build_message(content: MailContent, *, to: str, key: str, at: datetime) -> EmailMessage:
    """The message. Raises ValueError for what could break a header, after all was made one line."""
    message = EmailMessage(policy=POLICY)
    name, address = sender()
    message["From"] = Mailbox(name, addr_spec=address)
    message["To"] = Mailbox(addr_spec=wire_address(to))
    message["Subject"] = line(content.subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id(key)
    # Nobody wrote it, so no holiday note should answer it (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if content.end_url:
        message["List-Unsubscribe"] = f"<{content.end_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for header, value in content.headers.items():
        message[header] = line(value)
    message.set_content(_encodable(content.text))
    message.add_alternative(_encodable(content.html), subtype="html")
    _put_images(message, content)
    for each in content.attachments:
        kind, _, charset = each.type.partition("; charset=")
        main, _, sub = kind.partition("/")
        message.add_attachment(
            each.content,
            maintype=main,
            subtype=sub,
            filename=_file_name(each.name),
            params={"charset": charset} if charset else None,
        )
    return message


def _put_images(message: EmailMessage, content: MailContent) -> None:
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    for image in content.images:
        html.add_related(
            image.png,
            maintype="image",
            subtype="png",
            cid=f"<{image.name}>",
            disposition="inline",
            filename=_file_name(f"{image.name}.png"),
        )


def _encodable(text: str) -> str:
    """Lone surrogates have no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _file_name(name: str) -> str:
    return _UNNAMED.sub("-", line(name, 100)).strip("-.") or "file"
