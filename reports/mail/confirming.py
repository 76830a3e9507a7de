"""Confirming: the mail that asks the reader of an owner's contact whether mail may come."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string

from reports.mail import accounts, links, sending
from reports.mail.address import CONFIRMATION, Address
from reports.mail.letter import Letter
from reports.mail.sent import SentMail


def ask(address: Address, by: Any, now: datetime) -> str:
    """Send the question in the name of `by`, at most once a day (UTC) to an address; why not, as a sentence,
    empty where it will be sent.
    """
    context = {"address": address, "owner": address.owner, "url": links.confirm_url(address)}
    letter = Letter(
        subject=f"May Tally send reports about {address.owner} to this address?",
        text=render_to_string("mail/confirm.txt", context),
        html=render_to_string("mail/confirm.html", context),
    )
    # By the address, not by its row: one that is removed and made again is still somebody's mailbox.
    key = f"confirmation/{address.address.lower()}/{now:%Y-%m-%d}"
    with transaction.atomic():
        if why := accounts.refusal(by, address.address, now):
            return why
        mail = sending.send(letter, to=address, kind=CONFIRMATION, key=key, now=now, about=str(address.pk))
        if mail is None:
            return f"{address} was asked today already: ask again tomorrow."
        SentMail.objects.filter(pk=mail.pk).update(asked_by=by)
    return ""
