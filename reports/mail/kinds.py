"""Kinds of mail: what each asks of sending. They register here, since mail knows nothing of them."""

from collections.abc import Callable
from dataclasses import dataclass

from reports.mail.address import CONFIRMATION, Address
from reports.mail.sent import SentMail


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
    # Whoever reads one of its mails may do what its link says, so only its reader sees it, and it goes once.
    is_secret: bool = False


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known. The last one of a name counts."""
    KINDS[kind.name] = kind


register(Kind(CONFIRMATION, "questions whether mail may come", is_secret=True))
