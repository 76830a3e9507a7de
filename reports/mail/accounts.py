"""Mails about accounts, and how many a person may have sent to strangers."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.template.loader import render_to_string

from events.accounts.invitation import Invitation
from events.accounts.mailing import INVITATION, PASSWORD, Mail
from reports.mail import address as addresses
from reports.mail import links, sending
from reports.mail.kinds import Kind, register
from reports.mail.letter import Letter
from reports.mail.sent import SentMail

DAY = timedelta(days=1)
# Mails in a day to people who didn't ask for any: of one person, and to one address.
MOST_OF_PERSON, MOST_TO_ADDRESS = 20, 3


class AccountMailer:
    """Sends them the way of all mail."""

    subjects: ClassVar[dict[str, str]] = {
        INVITATION: "{by} invites you to {owner} in Tally",
        PASSWORD: "Set a new password for Tally",
    }

    def send(self, mail: Mail, now: datetime) -> str:
        """Have it sent within a minute; why not, as a sentence, empty where it will be."""
        to = addresses.of_person(mail.user) if mail.user else addresses.of_stranger(mail.to)
        if to is None:
            return "There is no address that it could go to."
        context = {**mail.context, "url": links.absolute(mail.path)}
        letter = Letter(
            subject=self.subjects[mail.kind].format_map(context),
            text=render_to_string(f"mail/{mail.kind}.txt", context),
            html=render_to_string(f"mail/{mail.kind}.html", context),
        )
        with transaction.atomic():
            if mail.asked_by is not None and (why := refusal(mail.asked_by, mail.to, now)):
                return why
            sent = sending.send(letter, to=to, kind=mail.kind, key=mail.key, now=now, about=mail.about)
            if sent is not None and mail.asked_by is not None:
                SentMail.objects.filter(pk=sent.pk).update(asked_by=mail.asked_by)
        return to.refusal(mail.kind)

    def refusal(self, asked_by: Any, to: str, now: datetime) -> str:
        """Why a person may not have another mail sent to a stranger now; empty where they may."""
        with transaction.atomic():
            return refusal(asked_by, to, now)

    def where(self) -> str:
        """Where mails end up without a mail server; empty with one."""
        if settings.EMAIL_BACKEND != "reports.mail.files.EmailBackend":
            return ""
        return (
            "No mail server is set (EMAIL_URL): within a minute the mail is written as a file into the folder"
            " mail of this copy's data, usually var/mail."
        )


def refusal(asked_by: User, to: str, now: datetime) -> str:
    """Why a person may not have another mail sent to a stranger. In the transaction that sends it, where
    others wait, so that the bounds are exact.
    """
    User.objects.select_for_update().get(pk=asked_by.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"mail to {to.lower()}"])
    lately = SentMail.objects.filter(asked_by__isnull=False, claimed_at__gt=now - DAY)
    if lately.filter(asked_by=asked_by).count() >= MOST_OF_PERSON:
        return f"You had {MOST_OF_PERSON} mails sent to other people within a day: go on tomorrow."
    if lately.filter(to__iexact=to).count() >= MOST_TO_ADDRESS:
        return f"{to} was sent {MOST_TO_ADDRESS} such mails within a day: try again tomorrow."
    return ""


def _withdrawn(mail: SentMail) -> str:
    is_pending = Invitation.objects.pending().filter(pk=mail.about).exists()
    return "" if is_pending else "The invitation was accepted or withdrawn."


register(Kind(INVITATION, "invitations", objection=_withdrawn, is_secret=True))
register(Kind(PASSWORD, "links to new passwords", is_secret=True))
