"""Mails with a personal link (invitations, new passwords, confirmations), and how many may be sent."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.template.loader import render_to_string

from events.access import Access
from events.accounts import passwords
from events.accounts.invitation import Invitation
from events.accounts.mailing import INVITATION, PASSWORD, Mail
from events.ownership.owner import Role
from reports.mail import addresses, delivery, links
from reports.mail.addresses import CONFIRMATION, Address
from reports.mail.kinds import Kind, register
from reports.mail.message import MailContent
from reports.mail.models import SentMail
from reports.mail.text import isolated, one_line

DAY = timedelta(days=1)
# Unsolicited mails per day: from one person, and to one address.
MOST_OF_PERSON, MOST_TO_ADDRESS = 20, 3


class AccountMailer:
    """Sender of account mails. Uses the same delivery as all mail."""

    def send(self, mail: Mail, now: datetime) -> str:
        """Send a mail within a minute. Returns why it can't be sent, as a sentence, or an empty text."""
        to = addresses.of_person(mail.user) if mail.user else addresses.of_stranger(mail.to)
        if to is None:
            return "The account has no usable e-mail address."
        with transaction.atomic():
            if mail.asked_by is not None and (why := limit_reached(mail.asked_by, mail.to, now)):
                return why
            delivery.queue(
                to=to, kind=mail.kind, key=mail.key, now=now, about=mail.about, asked_by=mail.asked_by
            )
        return to.suppression(mail.kind)

    def refusal(self, asked_by: User, to: str, now: datetime) -> str:
        """Return why a person may not send another mail to a stranger now, or an empty text."""
        with transaction.atomic():
            return limit_reached(asked_by, to, now)

    def where(self) -> str:
        """Return the folder of mail files if there is no mail server, else an empty text."""
        if settings.EMAIL_BACKEND != "reports.mail.files.EmailBackend":
            return ""
        return (
            "No mail server is configured (EMAIL_URL). Within a minute the mail is written to a file in the"
            " folder mail under TALLY_DATA, usually var/mail."
        )


def limit_reached(asked_by: User, to: str, now: datetime) -> str:
    """Return why a person may not send another mail to a stranger, or an empty text.

    It takes locks in the transaction that sends the mail, so that the limits are exact.
    """
    User.objects.select_for_update().get(pk=asked_by.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"mail to {to.lower()}"])
    lately = SentMail.objects.filter(asked_by__isnull=False, claimed_at__gt=now - DAY)
    if lately.filter(asked_by=asked_by).count() >= MOST_OF_PERSON:
        return f"You sent {MOST_OF_PERSON} mails to other people within a day. Try again tomorrow."
    if lately.filter(to__iexact=to).count() >= MOST_TO_ADDRESS:
        return f"{to} was sent {MOST_TO_ADDRESS} such mails within a day. Try again tomorrow."
    return ""


def _objection(mail: SentMail) -> str:
    """Return why an invitation may no longer be sent, or an empty text."""
    found = Invitation.objects.pending().filter(pk=mail.about).select_related("invited_by").first()
    if found is None:
        return "The invitation was accepted or withdrawn."
    if mail.key != found.mail.key:
        return "A newer link was sent to the address."
    is_led = Access(found.invited_by).leads(found.owner_id)
    return "" if is_led else "The inviter no longer leads the owner."


def _invitation(mail: SentMail) -> MailContent:
    """Build an invitation, with the link that accepts it."""
    found = Invitation.objects.select_related("owner__organization", "invited_by").get(pk=mail.about)
    by = found.invited_by
    context = {
        "owner": found.owner,
        "organization": found.owner.organization,
        "by": by,
        "role": Role(found.role),
    }
    return _content(
        INVITATION, f"{_name(by)} invites you to {_name(found.owner)} in Tally", found.path, context
    )


def _password(mail: SentMail) -> MailContent:
    """Build the mail with the link that sets a new password."""
    user = User.objects.get(pk=mail.about)
    context = {"name": user.get_username()}
    return _content(PASSWORD, "Set a new password for Tally", passwords.reset_path(user), context)


def _name(of: object) -> str:
    """Return a name for the subject of a mail."""
    return isolated(one_line(str(of)))


def _content(kind: str, subject: str, path: str, context: Mapping[str, object]) -> MailContent:
    context = {**context, "url": links.absolute(path)}
    text = render_to_string(f"mail/{kind}.txt", context)
    return MailContent(subject, text, html=render_to_string(f"mail/{kind}.html", context))


register(Kind(INVITATION, "invitations", objection=_objection, compose=_invitation))
register(Kind(PASSWORD, "links to set a new password", compose=_password))


def ask_to_confirm(address: Address, by: User, now: datetime) -> str:
    """Ask a contact to confirm its address, at most once a day (UTC).

    Returns why no mail is sent, as a sentence, or an empty text.
    """
    # Identified by the text of the address: if removed and added again, it is still the same mailbox.
    key = f"confirmation/{address.address.lower()}/{now:%Y-%m-%d}"
    with transaction.atomic():
        if why := limit_reached(by, address.address, now):
            return why
        about = str(address.pk)
        if not delivery.queue(to=address, kind=CONFIRMATION, key=key, now=now, about=about, asked_by=by):
            return f"{address} was already asked today. Try again tomorrow."
    return ""


def _compose(mail: SentMail) -> MailContent:
    """Write the mail that asks for confirmation."""
    address = mail.address
    assert address is not None, "nothing is sent without an address"
    context = {"address": address, "owner": address.owner, "url": links.confirm_url(address)}
    return MailContent(
        subject=f"Confirm that you want reports about {isolated(one_line(str(address.owner)))}",
        text=render_to_string("mail/confirm.txt", context),
        html=render_to_string("mail/confirm.html", context),
    )


register(Kind(CONFIRMATION, "requests for confirmation", compose=_compose))
