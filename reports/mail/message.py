"""The content of a mail as plain data, and the message built from it."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.header import Header
from email.headerregistry import Address as Mailbox
from email.headerregistry import UnstructuredHeader
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.encoding import punycode

from reports.mail.text import one_line

LONGEST_LINE = 998  # bytes: RFC 5322


class _Policy(policy.EmailPolicy):
    """Keeps ASCII headers on one line, and encodes other texts as a whole.

    Python's folding may move a whole subject to the next line, and its leading blank into the subject. Where
    it encodes only some words, versions differ, and 3.13.0 adds a blank between words.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return the lines of a header."""
        text = f"{name}: {value}"
        if text.isascii() and len(text) <= LONGEST_LINE:
            return f"{text}{self.linesep}".encode("ascii")
        if isinstance(value, UnstructuredHeader):
            words = Header(str(value), "utf-8", header_name=name).encode(linesep=self.linesep)
            return f"{name}: {words}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


# 7 bit: every server accepts it, and none rewrites it.
POLICY = _Policy(linesep="\r\n", raise_on_defect=False, cte_type="7bit")
_UNNAMED = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Image:
    """An inline picture; the HTML refers to it as `cid:NAME`."""

    name: str
    png: bytes


@dataclass(frozen=True)
class Attachment:
    """An attached file."""

    name: str
    content: bytes
    type: str = "text/csv; charset=utf-8"


@dataclass(frozen=True)
class MailContent:
    """A mail without its recipient."""

    subject: str
    text: str
    html: str
    images: tuple[Image, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    unsubscribe_url: str = ""  # empty for mails that one can't unsubscribe from
    headers: dict[str, str] = field(default_factory=dict)


def message_id(key: str) -> str:
    """Return the same Message-ID for every attempt, so that mail programs recognize a second copy."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{host}>"


def sender() -> tuple[str, str]:
    """Return the sender's name and address."""
    name, address = parseaddr(settings.MAIL_FROM)
    return one_line(name), wire_address(address)


def wire_address(address: str) -> str:
    """Return an address with its host in ASCII."""
    local, _, host = address.rpartition("@")
    return f"{local}@{punycode(host)}"


def build_message(content: MailContent, *, to: str, key: str, at: datetime) -> EmailMessage:
    """Build the message. Raises ValueError for text that could break a header."""
    message = EmailMessage(policy=POLICY)
    name, address = sender()
    message["From"] = Mailbox(name, addr_spec=address)
    message["To"] = Mailbox(addr_spec=wire_address(to))
    message["Subject"] = one_line(content.subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id(key)
    # No auto-responder should answer it (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if content.unsubscribe_url:
        message["List-Unsubscribe"] = f"<{content.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for header, value in content.headers.items():
        message[header] = one_line(value)
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
    """Replace lone surrogates, which UTF-8 can't encode."""
    return text.encode("utf-8", "replace").decode()


def _file_name(name: str) -> str:
    return _UNNAMED.sub("-", one_line(name, 100)).strip("-.") or "file"
