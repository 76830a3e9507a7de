"""Confirming: the mail that asks the reader of an owner's contact whether mail may come."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string

from reports.mail import accounts, links, sending
from reports.mail.address import CONFIRMATION, Address
from reports.mail.kinds import Kind, register
from reports.mail.letter import Letter
from reports.mail.sent import SentMail
from reports.mail.text import isolated, line


def ask(address: Address, by: Any, now: datetime) -> str:
    """Send the question in the name of `by`, at most once a day (UTC) to an address.

    Returns why it isn't sent, as a sentence, or an empty text.
    """
    # By the address, not by its row: one that is removed and made again is still somebody's mailbox.
    key = f"confirmation/{address.address.lower()}/{now:%Y-%m-%d}"
    with transaction.atomic():
        if why := accounts.refusal(by, address.address, now):
            return why
        about = str(address.pk)
        if not sending.queue(to=address, kind=CONFIRMATION, key=key, now=now, about=about, asked_by=by):
            return f"{address} was asked today already: ask again tomorrow."
    return ""


def _compose(mail: SentMail) -> Letter:
    """Build the question, with a link that says yes."""
    address = mail.address
    assert address is not None, "without an address nothing is sent"
    context = {"address": address, "owner": address.owner, "url": links.confirm_url(address)}
    return Letter(
        subject=f"May Tally send reports about {isolated(line(str(address.owner)))} to this address?",
        text=render_to_string("mail/confirm.txt", context),
        html=render_to_string("mail/confirm.html", context),
    )


register(Kind(CONFIRMATION, "questions whether mail may come", compose=_compose))
