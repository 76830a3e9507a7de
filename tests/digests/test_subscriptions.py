"""People manage their subscriptions and leads those of contacts, within what recipients may see."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.accounts.audit import AuditEntry
from events.ownership.owner import Owner, Role
from reports.digests.models import Subscription
from reports.mail.addresses import Address
from reports.mail.models import SentMail, State
from tests.admin.conftest import html_of, logged_in
from tests.digests.telling import reader, subscribed
from tests.factories import person
from tests.mail.conftest import contact_of, with_address
from tests.mail.server import Box
from tests.sending import Sender

pytestmark = pytest.mark.django_db
LIST = "/admin/digests/subscription/"
FORM = {"rhythm": "weekly", "hour": "7", "zone": "Europe/London", "locale": "en-gb", "active": "on"}


@pytest.fixture
def ann(owner: Owner) -> User:
    """A member of team A, with an address."""
    return reader(owner)


def add(client: Client, *owners: Owner, **fields: Any) -> Any:
    return client.post(f"{LIST}add/", FORM | {"owners": [each.pk for each in owners]} | fields)


def errors(response: Any) -> str:
    assert response.status_code == 200, "no error was said"
    return str(response.context_data["adminform"].form.errors.as_text())


def test_a_subscription_is_due_by_the_clocks_of_its_zone(owner: Owner, ann: User) -> None:
    add(logged_in(ann), owner)
    made = Subscription.objects.get()
    assert (made.user, made.address, list(made.owners.all())) == (ann, None, [owner])
    local = made.next_at.astimezone(made.schedule.zone)
    assert (local.weekday(), local.hour, local.minute) == (0, 7, 0)
    assert AuditEntry.objects.filter(action="subscription.made").count() == 1


def test_the_address_in_mails_redirects_to_the_list(ann: User) -> None:
    response = logged_in(ann).get("/reports/subscriptions/")
    assert (response.status_code, response["Location"]) == (302, LIST)


def test_a_person_subscribes_only_to_visible_owners(owner: Owner, ann: User, team_b: Sender) -> None:
    response = add(logged_in(ann), team_b.key.default_owner)
    assert "not one of the available choices" in errors(response)
    assert not Subscription.objects.exists()


def test_a_person_cannot_subscribe_others(owner: Owner, ann: User) -> None:
    other = reader(owner, "ben")
    add(logged_in(ann), owner, user=other.pk, address=contact_of(owner).pk)
    made = Subscription.objects.get()
    assert (made.user, made.address) == (ann, None)


def test_a_lead_subscribes_the_contact_of_the_owner(owner: Owner, lead: Client, alice: Client) -> None:
    address = contact_of(owner)
    add(lead, owner, address=address.pk)
    made = Subscription.objects.get()
    assert (made.user, made.address) == (None, address)
    assert AuditEntry.objects.get(action="subscription.made").owner_id == owner.pk
    assert "team@example.org" in html_of(lead, LIST)
    assert "team@example.org" not in html_of(alice, LIST)


def test_the_list_says_why_a_contact_is_suppressed(owner: Owner, lead: Client) -> None:
    add(lead, owner, address=contact_of(owner).pk)
    assert ">active<" in html_of(lead, LIST)
    User.objects.filter(pk__in=Address.objects.values("confirmed_by")).update(is_active=False)
    other = logged_in(person("lars", owner, role=Role.LEAD))
    assert "suppressed: the lead who vouched for it no longer leads the owner" in html_of(other, LIST)


def test_a_contact_can_be_subscribed_only_to_its_owner(owner: Owner, team_b: Sender) -> None:
    other = team_b.key.default_owner
    leads_both = person("lea", owner, other, role=Role.LEAD)
    response = add(logged_in(leads_both), owner, other, address=contact_of(owner).pk)
    assert "The recipient may not see Team B" in errors(response)


def test_a_lead_cannot_choose_another_owners_contact(lead: Client, owner: Owner, team_b: Sender) -> None:
    response = add(lead, owner, address=contact_of(team_b.key.default_owner).pk)
    assert "not one of the available choices" in errors(response)


def test_an_operator_subscribes_a_person_only_to_owners_they_see(
    operator: Client, owner: Owner, ann: User, team_b: Sender
) -> None:
    refused = add(operator, owner, team_b.key.default_owner, user=ann.pk)
    assert "The recipient may not see Team B" in errors(refused)
    add(operator, owner, user=ann.pk)
    assert Subscription.objects.get().user == ann


def test_subscriptions_of_others_are_hidden(owner: Owner, ann: User, lead: Client, bob: Client) -> None:
    row = subscribed(ann, owner)
    for client in (lead, bob):
        assert "ann" not in html_of(client, LIST)
        for page in ("change/", "delete/", "preview/", "frame/", "send/"):
            client.post(f"{LIST}{row.pk}/{page}", FORM | {"post": "yes"})
    row.refresh_from_db()
    assert row.rhythm == "daily"
    assert not SentMail.objects.exists()


def test_changing_the_hour_changes_the_next_due_time(owner: Owner, ann: User) -> None:
    row = subscribed(ann, owner, active=False, ended_why="Unsubscribed through the link in a mail.")
    logged_in(ann).post(f"{LIST}{row.pk}/change/", FORM | {"owners": [owner.pk], "hour": "23"})
    row.refresh_from_db()
    assert row.next_at.astimezone(row.schedule.zone).hour == 23
    assert (row.active, row.ended_why) == (True, "")


@pytest.mark.parametrize(("field", "value"), [("zone", "Mars/Base"), ("hour", "24"), ("locale", "xx")])
def test_an_invalid_zone_hour_or_locale_is_refused(owner: Owner, ann: User, field: str, value: str) -> None:
    assert field in errors(add(logged_in(ann), owner, **{field: value}))


def test_a_preview_shows_the_mail_in_a_sandboxed_frame(owner: Owner, ann: User) -> None:
    row = subscribed(ann, owner, also_empty=True)
    client = logged_in(ann)
    page = html_of(client, f"{LIST}{row.pk}/preview/")
    assert "no-store" in client.get(f"{LIST}{row.pk}/preview/").headers["Cache-Control"]
    assert 'sandbox=""' in page
    frame = client.get(f"{LIST}{row.pk}/frame/")
    assert "Team A: nothing was received." in frame.content.decode().replace("\u2060", "")
    policy = frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox")
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_preview_of_an_empty_period_says_so(owner: Owner, ann: User) -> None:
    row = subscribed(ann, owner)
    client = logged_in(ann)
    assert "There is nothing to report for" in html_of(client, f"{LIST}{row.pk}/preview/")
    assert client.get(f"{LIST}{row.pk}/frame/").status_code == 404


def test_a_digest_can_be_sent_now_without_ending_the_subscription(owner: Owner, ann: User, box: Box) -> None:
    row = subscribed(ann, owner, also_empty=True)
    client = logged_in(ann)
    assert client.get(f"{LIST}{row.pk}/send/").status_code == 302
    assert box.taken == []
    client.post(f"{LIST}{row.pk}/send/")
    assert len(box.taken) == 1
    mail = SentMail.objects.get()
    assert (mail.state, "/asked/" in mail.key) == (State.SENT, True)
    row.refresh_from_db()
    assert row.active
    assert AuditEntry.objects.filter(action="subscription.asked").count() == 1
    assert f"/admin/mail/sentmail/{mail.pk}/change/" in html_of(client, f"{LIST}{row.pk}/preview/")


def test_a_person_without_an_address_is_told_so(owner: Owner) -> None:
    client = logged_in(person("nobody", owner))
    response = client.post(f"{LIST}add/", FORM | {"owners": [owner.pk]}, follow=True)
    assert "has no e-mail address" in response.content.decode()


def test_the_list_takes_a_fixed_number_of_queries(
    owner: Owner, ann: User, django_assert_max_num_queries: Any
) -> None:
    client = logged_in(with_address(ann))
    for _ in range(10):
        subscribed(ann, owner)
    with django_assert_max_num_queries(9):
        assert html_of(client, LIST).count("Preview</a>") == 10
