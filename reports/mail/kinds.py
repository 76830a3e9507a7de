"""Kinds of mail. Apps register theirs here, so that mail doesn't depend on its senders."""

from collections.abc import Callable
from dataclasses import dataclass

from reports.mail.addresses import Address
from reports.mail.message import MailContent
from reports.mail.models import SentMail


def _no_objection(_: SentMail) -> str:
    return ""


def _unsubscribe(kind: str, _: str, address: Address) -> str:
    """Unsubscribe an address from a kind of mail."""
    if kind not in address.unwanted:
        address.unwanted = [*address.unwanted, kind]
        address.save(update_fields=["unwanted"])
    return f"{address.address} is unsubscribed from this kind of mail."


@dataclass(frozen=True)
class Kind:
    """A kind of mail."""

    name: str
    title: str  # noun for its mails, used inside a sentence
    # Called before each attempt: why the mail may no longer be sent, as a sentence, or an empty text.
    objection: Callable[[SentMail], str] = _no_objection
    # Called with the kind, the object of the mail and the address; returns a sentence for the page.
    unsubscribe: Callable[[str, str, Address], str] = _unsubscribe
    # Builds a mail whose link gives access to anybody who has it. It is built for each attempt, no copy is
    # kept, and it isn't resent.
    compose: Callable[[SentMail], MailContent] | None = None

    @property
    def is_secret(self) -> bool:
        """True if the link in its mails gives access."""
        return self.compose is not None


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Register a kind, replacing one of the same name."""
    KINDS[kind.name] = kind


def secret_kinds() -> list[str]:
    """Return the names of the kinds whose mails are built for each attempt."""
    return [kind.name for kind in KINDS.values() if kind.is_secret]
