"""Invitations: people become members only by accepting, and the form doesn't reveal who has an account."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.accounts.invitation import Invitation
from events.ownership.owner import Membership, Owner, Role
from reports.mail import account_mails, delivery
from reports.mail.models import SentMail, State
from tests.admin.conftest import html_of, logged_in, text_of
from tests.factories import person
from tests.mail.conftest import contact_of, link_of, with_address
from tests.mail.server import Box
from tests.sending import Sender

PAGES = "/admin/accounts/invitation/"
PASSWORD = "quite a long one 4711"
NEW = {"new_password1": PASSWORD, "new_password2": PASSWORD}


def invite(lead: Client, owner: Owner, email: str = "dora@example.org", role: str = "viewer") -> str:
    """Invite somebody, and return the next page."""
    form = {"owner": owner.pk, "email": email, "role": role}
    return str(lead.post(f"{PAGES}add/", form, follow=True).content.decode())


def link(email: str = "dora@example.org") -> str:
    """Return the path of the link in the last mail to an address."""
    return link_of(SentMail.objects.filter(to=email).latest("pk"))


def accepted_as() -> object:
    """Return what the audit trail records about the mailbox and the account."""
    return AuditEntry.objects.get(action="invitation.accepted").after


def test_a_new_person_sets_a_password_and_becomes_a_member(owner: Owner, lead: Client, box: Box) -> None:
    assert "gets a mail with a link" in invite(lead, owner, role="lead")
    assert delivery.deliver_due() == 1
    assert [to for to, _ in box.taken] == ["dora@example.org"]
    dora = Client()
    assert "new_password1" in html_of(dora, link())
    assert not User.objects.filter(email="dora@example.org").exists(), "looking changes nothing"
    assert "too common" in dora.post(link(), dict.fromkeys(NEW, "password")).content.decode()
    assert dora.post(link(), NEW).status_code == 302
    member = Membership.objects.get(user__email="dora@example.org")
    assert (member.owner, member.role) == (owner, Role.LEAD)
    assert dora.get("/admin/events/event/").status_code == 200
    assert Client().login(username="dora@example.org", password=PASSWORD)
    actions = set(AuditEntry.objects.filter(owner=owner).values_list("action", flat=True))
    assert {"invitation.made", "invitation.accepted", "member.made"} <= actions
    assert accepted_as() == {"email": "dora@example.org", "account": "dora@example.org"}


def test_a_person_with_an_account_logs_in_and_accepts(owner: Owner, lead: Client) -> None:
    dora = with_address(person("dora"))
    invite(lead, owner)
    stranger = Client()
    html = html_of(stranger, link())
    assert "log in to accept" in html
    assert "new_password1" not in html
    assert stranger.post(link(), NEW).status_code == 200, "nobody sets a password of an account that is there"
    assert not Membership.objects.filter(user=dora).exists()
    client = logged_in(dora)
    assert "You are logged in as dora" in html_of(client, link())
    assert not Membership.objects.filter(user=dora).exists()
    client.post(link())
    assert Membership.objects.get(user=dora).owner == owner
    assert accepted_as() == {"email": "dora@example.org", "account": "dora"}


def test_the_inviter_cannot_tell_whether_the_account_exists(owner: Owner, lead: Client) -> None:
    with_address(person("dora"))
    pages = {}
    for name in ("dora", "nora"):
        html = invite(lead, owner, f"{name}@example.org")
        row = Invitation.objects.get(email=f"{name}@example.org")
        pages[name] = [
            re.sub(rf"{name}|\d\d:\d\d:\d\d(\.\d+)?", "", text_of(each))
            for each in (html, html_of(lead, f"{PAGES}{row.pk}/change/"))
        ]
        row.delete()
    for dora, nora in zip(pages["dora"], pages["nora"], strict=True):
        assert dora.split() == nora.split()


@pytest.mark.parametrize("why", ["used", "withdrawn", "old", "superseded", "inviter", "forged"])
def test_an_invalid_link_adds_no_member(why: str, owner: Owner, lead: Client) -> None:
    invite(lead, owner)
    path, row = link(), Invitation.objects.get()
    if why == "used":
        Client().post(path, NEW)
        Membership.objects.filter(user__email="dora@example.org").delete()
    elif why == "withdrawn":
        lead.post(f"{PAGES}{row.pk}/withdraw/")
    elif why == "old":
        Invitation.objects.update(sent_at=timezone.now() - timedelta(days=8))
    elif why == "superseded":
        lead.post(f"{PAGES}{row.pk}/resend/")
    elif why == "inviter":
        Membership.objects.filter(user__username="lena").update(role=Role.VIEWER)
    else:
        path = path[:-4] + "xxx/"
    before = Membership.objects.count()
    assert Client().get(path).status_code == 404
    assert Client().post(path, NEW).status_code == 404
    assert logged_in(person("charlie")).post(path).status_code == 404
    assert Membership.objects.count() == before


def test_an_invitations_page_shows_its_expiry_or_the_next_step(owner: Owner, lead: Client) -> None:
    invite(lead, owner)
    row = Invitation.objects.get()
    page = f"{PAGES}{row.pk}/change/"
    assert f"The link works until {row.expires_at:%Y-%m-%d %H:%M} UTC." in html_of(lead, page)
    row.sent_at -= timedelta(days=8)
    row.save()
    expired = f"The link expired on {row.expires_at:%Y-%m-%d %H:%M} UTC: send a new one."
    assert expired in html_of(lead, page)
    lead.post(f"{PAGES}{row.pk}/withdraw/")
    assert "The invitation was withdrawn." in html_of(lead, page)


def test_a_new_link_works_and_a_withdrawn_invitation_is_not_mailed(
    owner: Owner, lead: Client, box: Box
) -> None:
    invite(lead, owner)
    row = Invitation.objects.get()
    lead.post(f"{PAGES}{row.pk}/resend/")
    assert "new_password1" in html_of(Client(), link())
    lead.post(f"{PAGES}{row.pk}/withdraw/")
    delivery.deliver_due()
    assert box.taken == []
    assert {mail.state for mail in SentMail.objects.all()} == {State.SKIPPED}


def test_only_leads_of_the_owner_manage_invitations(
    owner: Owner, team_b: Sender, lead: Client, alice: Client, bob: Client, charlie: Client
) -> None:
    invite(lead, owner)
    row = Invitation.objects.get()
    other = logged_in(person("lars", team_b.key.default_owner, role=Role.LEAD))
    for client in (alice, bob, charlie, other, Client()):
        assert "dora" not in client.get(PAGES).content.decode()
        for what in ("resend", "withdraw"):
            client.post(f"{PAGES}{row.pk}/{what}/")
        invite(client, owner, "eve@example.org")
    row.refresh_from_db()
    assert (row.sends, row.withdrawn_at) == (1, None)
    assert Invitation.objects.count() == 1
    assert "dora" in html_of(lead, PAGES)


def test_an_address_is_invited_once_at_a_time(owner: Owner, lead: Client) -> None:
    invite(lead, owner)
    assert "Already invited" in invite(lead, owner, "DORA@example.org")
    assert Invitation.objects.count() == 1


def test_a_leads_invitations_per_day_are_limited(owner: Owner, lead: Client) -> None:
    lena = User.objects.get(username="lena")
    for number in range(account_mails.MOST_OF_PERSON - 1):
        invite(lead, owner, f"p{number}@example.org")
    now = timezone.now()
    assert account_mails.ask_to_confirm(contact_of(owner, "a@example.org", clicked=False), lena, now) == ""
    assert "You sent 20 mails" in account_mails.ask_to_confirm(
        contact_of(owner, "b@example.org", clicked=False), lena, now
    )
    assert "You sent 20 mails" in invite(lead, owner, "one.more@example.org")
    lead.post(f"{PAGES}{Invitation.objects.earliest('pk').pk}/resend/")
    assert SentMail.objects.count() == account_mails.MOST_OF_PERSON
    assert (
        account_mails.ask_to_confirm(
            contact_of(owner, "c@example.org", clicked=False), lena, now + account_mails.DAY
        )
        == ""
    )


def test_invitations_per_address_are_limited(owner: Owner, team_b: Sender, lead: Client) -> None:
    invite(lead, owner)
    row = Invitation.objects.get()
    for _ in range(5):
        lead.post(f"{PAGES}{row.pk}/resend/")
    other = logged_in(person("lars", team_b.key.default_owner, role=Role.LEAD))
    assert "such mails within a day" in invite(other, team_b.key.default_owner)
    assert SentMail.objects.filter(to="dora@example.org").count() == account_mails.MOST_TO_ADDRESS


def test_operators_cannot_read_links_of_invitations(owner: Owner, lead: Client, operator: Client) -> None:
    invite(lead, owner)
    mail = SentMail.objects.get()
    assert "/admin/invitation/" not in html_of(operator, f"/admin/mail/sentmail/{mail.pk}/change/")
    assert operator.get(f"/admin/mail/sentmail/{mail.pk}/copy/").status_code == 404


def test_without_a_mail_server_the_page_says_where_mails_are_stored(
    owner: Owner, lead: Client, settings: object
) -> None:
    settings.EMAIL_BACKEND = "reports.mail.files.EmailBackend"  # type: ignore[attr-defined]
    assert "usually var/mail" in invite(lead, owner)
