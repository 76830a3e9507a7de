"""Kinds of mail: what each asks of sending. They register here, since mail knows nothing of them."""

from collections.abc import Callable
from dataclasses import dataclass

from reports.mail.addresses import Address
from reports.mail.message import MailContent
from reports.mail.models import SentMail


def _wanted(_: SentMail) -> str:
    return ""


def _end_kind(kind: str, _: str, address: Address) -> str:
    """End all mail of the kind to the address."""
    if kind not in address.unwanted:
        address.unwanted = [*address.unwanted, kind]
        address.save(update_fields=["unwanted"])
    return f"{address.address} gets no more mail of this kind."


@dataclass(frozen=True)
class Kind:
    """A kind of mail."""

    name: str
    title: str  # what its mails are called, in the middle of a sentence
    # Asked before each attempt: why the mail may no longer go, as a sentence; empty where it may.
    objection: Callable[[SentMail], str] = _wanted
    # What following the link does: from the kind, what the mail was about and the address to a sentence.
    end: Callable[[str, str, Address], str] = _end_kind
    # Builds a mail whose link is a permission for anybody who has it. The mail is built for each attempt, no
    # copy is kept, and it isn't sent a second time.
    compose: Callable[[SentMail], MailContent] | None = None

    @property
    def is_secret(self) -> bool:
        """True if the link in its mails is a permission."""
        return self.compose is not None


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known. The last one of a name counts."""
    KINDS[kind.name] = kind


def secret_kinds() -> list[str]:
    """Return the names of the kinds whose mails are built for each attempt."""
    return [kind.name for kind in KINDS.values() if kind.is_secret]
