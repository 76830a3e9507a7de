"""Confirming and unsubscribing a contact: by its lead, and by links without a login."""

import re
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, resolve, reverse
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.accounts.views import RequestReset
from events.ownership.owner import Membership, Owner, Role
from reports.mail import account_mails, delivery, links
from reports.mail.addresses import Address
from reports.mail.message import MailContent
from reports.mail.models import SentMail, State
from tests.admin.conftest import logged_in
from tests.factories import person
from tests.mail.conftest import contact_of
from tests.mail.server import Box
from tests.sending import Sender

pytestmark = pytest.mark.django_db
ADD = "/admin/mail/address/add/"


@pytest.fixture
def reader() -> Client:
    """A client without cookies, with CSRF checks."""
    return Client(enforce_csrf_checks=True)


def link_in(message: EmailMessage, page: str) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    (found,) = set(re.findall(rf"https://tally\.example(/mail/{page}/\S+)", body.get_content()))
    return str(found)


def test_a_contact_gets_mail_once_a_lead_and_the_reader_have_confirmed_it(
    owner: Owner, lead: Client, reader: Client, box: Box
) -> None:
    owner.contact = "team@example.org"
    owner.save()
    lead.post(ADD, {"owner": owner.pk, "address": ""})
    address = Address.objects.get(owner=owner)
    assert (address.address, address.suppression("digest")) == (
        "team@example.org",
        "Its reader hasn't confirmed it yet through the link in the mail.",
    )
    delivery.deliver_due()
    (message,) = box.to("team@example.org")
    link = link_in(message, "confirm")
    assert ">Confirm</button>" in reader.get(link).content.decode()
    address.refresh_from_db()
    assert address.clicked_at is None, "mail scanners follow links"
    assert reader.post(link).status_code == 200
    address.refresh_from_db()
    assert address.suppression("digest") == ""
    assert AuditEntry.objects.filter(action="address.made", owner=owner).count() == 1


def test_a_confirmation_requested_by_a_former_lead_is_invalid(
    owner: Owner, lead: Client, reader: Client, box: Box
) -> None:
    lead.post(ADD, {"owner": owner.pk, "address": "lena@elsewhere.example"})
    delivery.deliver_due()
    (message,) = box.to("lena@elsewhere.example")
    link = link_in(message, "confirm")
    Membership.objects.filter(user__username="lena").update(role=Role.VIEWER)
    assert (reader.get(link).status_code, reader.post(link).status_code) == (404, 404)
    assert Address.objects.get().clicked_at is None
    other = logged_in(person("lars", owner, role=Role.LEAD))
    other.post(f"/admin/mail/address/{Address.objects.get().pk}/ask/")
    assert reader.post(link).status_code == 200, "another lead vouches for it now"


LEAVES: dict[str, Callable[[], object]] = {
    "membership": lambda: Membership.objects.filter(user__username="lena").delete(),
    "role": lambda: Membership.objects.filter(user__username="lena").update(role=Role.VIEWER),
    "account": lambda: User.objects.get(username="lena").delete(),
    "inactive": lambda: User.objects.filter(username="lena").update(is_active=False),
}


@pytest.mark.parametrize("leaves", LEAVES)
def test_a_confirmation_ends_when_the_lead_who_requested_it_leaves(
    owner: Owner, lead: Client, reader: Client, box: Box, leaves: str
) -> None:
    lead.post(ADD, {"owner": owner.pk, "address": "team@example.org"})
    delivery.deliver_due()
    reader.post(link_in(box.to("team@example.org")[0], "confirm"))
    address = Address.objects.get()
    assert address.suppression("digest") == ""
    other = logged_in(person("lars", owner, role=Role.LEAD))
    other.post(f"/admin/mail/address/{address.pk}/ask/")
    address.refresh_from_db()
    assert address.clicked_at, "no new confirmation while the lead is there"
    LEAVES[leaves]()
    content = MailContent("Digest", "text", "html")
    mail = delivery.send(content, to=address, kind="budget", key="budget/1", now=timezone.now())
    delivery.deliver_due()
    assert mail is not None
    mail.refresh_from_db()
    assert mail.state == State.SKIPPED
    assert mail.answer.endswith("no longer leads the owner. Another lead must ask for confirmation.")
    assert (
        "Ask for confirmation again"
        in other.get(f"/admin/mail/address/{address.pk}/change/").content.decode()
    )
    SentMail.objects.all().delete()  # a confirmation can be requested once a day
    other.post(f"/admin/mail/address/{address.pk}/ask/")
    address.refresh_from_db()
    assert address.suppression("digest").startswith("Its reader hasn't confirmed it yet")
    assert str(address.confirmed_by) == "lars"
    delivery.deliver_due()
    reader.post(link_in(box.to("team@example.org")[-1], "confirm"))
    address.refresh_from_db()
    assert address.suppression("digest") == ""


def test_a_confirmation_is_valid_for_one_owner(owner: Owner, team_b: Sender) -> None:
    contact_of(owner)
    other = contact_of(team_b.key.default_owner, clicked=False)
    assert other.suppression("digest").startswith("Its reader hasn't confirmed it yet")


@pytest.mark.parametrize("way", ["typed", "contact"])
@pytest.mark.parametrize(
    ("contact", "address"),
    [
        ("Team A <team@example.com>", "team@example.com"),
        (" team@example.com ", "team@example.com"),
        ("mailto:team@example.com", "team@example.com"),
        ("a@example.com;b@example.com", ""),
        ("team@example", ""),
        ("the team", ""),
    ],
)
def test_common_spellings_of_a_contact_are_understood(
    owner: Owner, lead: Client, contact: str, address: str, way: str
) -> None:
    Owner.objects.filter(pk=owner.pk).update(contact=contact)
    response: Any = lead.post(ADD, {"owner": owner.pk, "address": contact if way == "typed" else ""})
    found = [each.address for each in Address.objects.filter(owner=owner)]
    assert found == ([address] if address else [])
    if not address:
        assert "address" in response.context_data["adminform"].form.errors


def test_a_confirmation_link_is_valid_for_a_week_and_one_address(
    owner: Owner, reader: Client, monkeypatch: Any
) -> None:
    address = contact_of(owner, clicked=False)
    path = urlsplit(links.confirm_url(address)).path
    long_ago = time.time() - links.CONFIRM_WITHIN.total_seconds() - 5
    with monkeypatch.context() as patched:
        patched.setattr("django.core.signing.time.time", lambda: long_ago)
        old = urlsplit(links.confirm_url(address)).path
    Address.objects.filter(pk=address.pk).update(address="other@example.org")
    for bad in (old, path, f"{path}x", "/mail/confirm/nonsense"):
        assert reader.post(bad).status_code == 404
    address.refresh_from_db()
    assert address.clicked_at is None


def test_an_unsubscribe_link_does_not_confirm(owner: Owner, reader: Client) -> None:
    address = contact_of(owner, clicked=False)
    token = links.unsubscribe_url("budget", "", address).rsplit("/", 1)[1]
    assert reader.post(f"/mail/confirm/{token}").status_code == 404


def test_a_confirmation_can_be_requested_once_a_day(owner: Owner, box: Box) -> None:
    address, lena = contact_of(owner, clicked=False), person("lena", owner, role=Role.LEAD)
    now = timezone.now()
    assert account_mails.ask_to_confirm(address, lena, now) == ""
    assert "already asked today" in account_mails.ask_to_confirm(address, lena, now)


def test_one_click_unsubscribes_without_a_login(owner: Owner, reader: Client, box: Box) -> None:
    address = contact_of(owner)
    content = MailContent(
        "Budget", "text", "html", unsubscribe_url=links.unsubscribe_url("budget", "", address)
    )
    delivery.send(content, to=address, kind="budget", key="budget/1", now=timezone.now())
    delivery.deliver_due()
    (message,) = box.to("team@example.org")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = urlsplit(message["List-Unsubscribe"].strip("<>")).path
    page = reader.get(path)
    assert "Unsubscribe team@example.org from budget warnings?" in page.content.decode()
    address.refresh_from_db()
    assert address.unwanted == [], "opening the page changes nothing"
    answer = reader.post(path, {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.cookies) == (200, {})
    address.refresh_from_db()
    assert address.unwanted == ["budget"]
    second = delivery.send(content, to=address, kind="budget", key="budget/2", now=timezone.now())
    delivery.deliver_due()
    assert second is not None
    second.refresh_from_db()
    assert (second.state, second.answer) == (State.SKIPPED, "It is unsubscribed from this kind of mail.")


def test_pages_of_links_have_no_scripts_referrer_or_caching(owner: Owner, reader: Client) -> None:
    response = reader.get(urlsplit(links.unsubscribe_url("budget", "", contact_of(owner))).path)
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "no-referrer" in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]


# --- No other code sends mail ---------------------------------------------------------------------


def test_only_the_transport_modules_send_mail() -> None:
    found = [
        str(path.relative_to(project.BASE_DIR))
        for package in ("events", "ingestion", "reports", "telemetry_project")
        for path in (project.BASE_DIR / package).rglob("*.py")
        if re.search(
            r"(from|import) django\.core\.mail|core import mail|smtplib|send_mail|mail_admins|email_user",
            path.read_text(),
        )
    ]
    assert sorted(found) == ["reports/mail/files.py", "reports/mail/transport.py"]


def test_django_itself_sends_no_mail() -> None:
    assert (project.ADMINS, project.MANAGERS) == ([], [])
    assert "AdminEmailHandler" not in str(project.LOGGING)
    assert resolve(reverse("admin_password_reset")).func.view_class is RequestReset  # type: ignore[attr-defined]
    with pytest.raises(NoReverseMatch):
        reverse("password_reset")


# --- Access ---------------------------------------------------------------------------------------


def test_only_leads_add_addresses(owner: Owner, alice: Client, bob: Client) -> None:
    for client in (alice, bob):
        assert client.get(ADD).status_code == 403
        client.post(ADD, {"owner": owner.pk, "address": "x@example.org"})
    assert not Address.objects.exists()


def test_leads_add_addresses_only_for_their_owners(lead: Client, team_b: Any) -> None:
    lead.post(ADD, {"owner": team_b.key.default_owner.pk, "address": "x@example.org"})
    assert not Address.objects.exists()


def test_a_lead_can_resume_a_paused_address(owner: Owner, lead: Client, bob: Client) -> None:
    address = contact_of(owner)
    Address.objects.filter(pk=address.pk).update(paused_at=timezone.now(), paused_why="550 No", failures=3)
    path = f"/admin/mail/address/{address.pk}/"
    assert bob.post(f"{path}resume/").status_code == 404
    page = lead.get(f"{path}change/").content.decode()
    assert "550 No" in page
    lead.post(f"{path}resume/")
    address.refresh_from_db()
    assert (address.suppression("budget"), address.failures) == ("", 0)
    assert AuditEntry.objects.filter(action="address.resumed").count() == 1


def test_only_the_owners_lead_sees_and_resends_a_mail(
    owner: Owner, lead: Client, alice: Client, bob: Client, box: Box
) -> None:
    content = MailContent("Budget", "In words", "<p>Hello <b>team</b></p><script>alert(1)</script>")
    mail = delivery.send(content, to=contact_of(owner), kind="budget", key="budget/1", now=timezone.now())
    assert mail is not None
    delivery.deliver_due()
    path = f"/admin/mail/sentmail/{mail.pk}/"
    for client in (alice, bob):
        assert client.get(f"{path}change/").status_code == 302
        assert client.get(f"{path}copy/").status_code == 404
        assert client.post(f"{path}again/").status_code == 404
    page = lead.get(f"{path}change/").content.decode()
    assert "250 2.0.0 Taken as 1" in page
    assert "In words" in page
    copy = lead.get(f"{path}copy/")
    assert "<b>team</b>" in copy.content.decode()
    assert "sandbox" in copy.headers["Content-Security-Policy"]
    assert "default-src 'none'" in copy.headers["Content-Security-Policy"]
    assert copy.headers["X-Frame-Options"] == "SAMEORIGIN"
    lead.post(f"{path}again/")
    assert len(box.taken) == 2
    assert AuditEntry.objects.filter(action="mail.sent_again", owner=owner).count() == 1


def test_a_lead_cannot_read_or_resend_a_confirmation_link(owner: Owner, lead: Client, box: Box) -> None:
    lena = User.objects.get(username="lena")
    assert account_mails.ask_to_confirm(contact_of(owner, clicked=False), lena, timezone.now()) == ""
    mail = SentMail.objects.get()
    delivery.deliver_due()
    path = f"/admin/mail/sentmail/{mail.pk}/"
    page = lead.get(f"{path}change/").content.decode()
    assert "250 2.0.0 Taken as 1" in page
    assert "/mail/confirm/" not in page
    assert "Send again" not in page
    assert lead.get(f"{path}copy/").status_code == 404
    lead.post(f"{path}again/")
    assert len(box.taken) == 1


def test_a_mail_of_unknown_state_can_be_resent_or_marked_as_sent(owner: Owner, lead: Client) -> None:
    mail = delivery.send(
        MailContent("Budget", "x", "x"), to=contact_of(owner), kind="budget", key="k", now=timezone.now()
    )
    assert mail is not None
    SentMail.objects.filter(pk=mail.pk).update(state=State.UNKNOWN)
    path = f"/admin/mail/sentmail/{mail.pk}/"
    page = lead.get(f"{path}change/").content.decode()
    assert "It is unknown whether this mail was sent" in page
    assert "Send again" in page
    assert "Mark as sent" in page
    lead.post(f"{path}taken/")
    mail.refresh_from_db()
    assert mail.state == State.SENT
    assert AuditEntry.objects.filter(action="mail.taken_as_sent").count() == 1
