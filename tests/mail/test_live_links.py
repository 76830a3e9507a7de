"""Links that grant access are in the mail, but not stored by Tally."""

import re
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from events.accounts import passwords
from events.ownership.owner import Owner
from reports.mail import account_mails, delivery
from reports.mail.models import SentMail, State
from tests.factories import person
from tests.mail.conftest import contact_of, with_address
from tests.mail.server import Box
from tests.store.traces import traces

TO = "dora@example.org"


def invite(owner: Owner, lead: Client) -> None:
    lead.post("/admin/accounts/invitation/add/", {"owner": owner.pk, "email": TO, "role": "viewer"})


def forget(_: Owner, __: Client) -> None:
    dora = with_address(person("dora"))
    dora.set_password("the old one 4711")
    dora.save()
    Client().post("/admin/password_reset/", {"email": TO})
    passwords.send_links(timezone.now())


def question(owner: Owner, _: Client) -> None:
    by = User.objects.get(username="lena")
    assert account_mails.ask_to_confirm(contact_of(owner, TO, clicked=False), by, timezone.now()) == ""


def token_in(message: EmailMessage, page: str) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    found = re.search(rf"https://tally.example/{page}/(\S+)", body.get_content())
    assert found
    return found[1].strip("/").rpartition("/")[2]


@pytest.mark.parametrize(
    ("ask", "page"),
    [(invite, "admin/invitation"), (forget, "admin/reset"), (question, "mail/confirm")],
    ids=["invitation", "password", "confirmation"],
)
def test_links_in_mails_are_not_stored(
    owner: Owner, lead: Client, box: Box, ask: Callable[[Owner, Client], None], page: str
) -> None:
    ask(owner, lead)
    waiting = SentMail.objects.get()
    assert (bytes(waiting.message), waiting.subject != "") == (b"", True)
    assert delivery.deliver_due() == 1
    ((_, message),) = box.taken
    assert traces([token_in(message, page)]) == {}
    assert traces([TO]) != {}, "the search finds what is there"
    sent = SentMail.objects.get()
    assert sent.state == State.SENT
    assert not delivery.resend(sent, timezone.now())
