"""Confirming: the mail that asks the reader of an owner's contact whether mail may come."""

from datetime import datetime

from django.template.loader import render_to_string

from reports.mail import links, sending
from reports.mail.address import CONFIRMATION, Address
from reports.mail.letter import Letter
from reports.mail.sent import SentMail


def ask(address: Address, now: datetime) -> SentMail | None:
    """Send the question, at most once a day to an address; None where it went today. The day is UTC's."""
    context = {"address": address, "owner": address.owner, "url": links.confirm_url(address)}
    letter = Letter(
        subject=f"May Tally send reports about {address.owner} to this address?",
        text=render_to_string("mail/confirm.txt", context),
        html=render_to_string("mail/confirm.html", context),
    )
    # By the address, not by its row: one that is removed and made again is still somebody's mailbox.
    key = f"confirmation/{address.address.lower()}/{now:%Y-%m-%d}"
    return sending.send(letter, to=address, kind=CONFIRMATION, key=key, now=now, about=str(address.pk))
