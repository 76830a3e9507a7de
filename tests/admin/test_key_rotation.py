"""Rotating a key: the new one is shown once and has the same rights; the old one works for a grace period."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.ownership.api_key import ApiKey
from tests.admin.conftest import html_of
from tests.admin.test_keys import key_in
from tests.factories import person
from tests.sending import Sender, log_event


def page(sender: Sender) -> str:
    return f"/admin/events/apikey/{sender.key.pk}/rotate/"


@pytest.mark.parametrize(("grace", "days"), [("0", 0), ("7", 7), ("30", 30)])
def test_a_rotated_key_ends_after_the_chosen_grace_period(
    team_a: Sender, lead: Client, grace: str, days: int
) -> None:
    old = team_a.key
    assert "The new key has the same rights, for the same owners" in html_of(lead, page(team_a))
    html = str(lead.post(page(team_a), {"grace": grace}, follow=True).content.decode())
    text = key_in(html)
    assert text
    new = ApiKey.objects.exclude(pk=old.pk).get()
    old.refresh_from_db()
    assert new.matches(text)
    assert (new.type, new.default_owner, new.all_owners, new.organization) == (
        old.type,
        old.default_owner,
        old.all_owners,
        old.organization,
    )
    assert old.expires_at
    assert abs(old.expires_at - timezone.now() - timedelta(days=days)) < timedelta(minutes=5)
    assert text not in html_of(lead, f"/admin/events/apikey/{new.pk}/change/")
    assert team_a.post("/v1/telemetry", {"events": [log_event()]}).status_code == (200 if days else 401)


def test_rotation_does_not_extend_a_key_that_expires_earlier(team_a: Sender, lead: Client) -> None:
    soon = timezone.now() + timedelta(hours=1)
    ApiKey.objects.update(expires_at=soon)
    lead.post(page(team_a), {"grace": "7"})
    assert set(ApiKey.objects.values_list("expires_at", flat=True)) == {soon}


def test_the_audit_trail_notes_a_rotation(team_a: Sender, lead: Client) -> None:
    lead.post(page(team_a), {"grace": "1"})
    entry = AuditEntry.objects.get(action="key.rotated")
    assert (entry.actor_name, entry.owner) == ("lena", team_a.key.default_owner)
    assert entry.after["ends"] == "in one day"


def test_only_leads_of_the_owner_rotate_a_key(
    team_a: Sender, team_b: Sender, lead: Client, alice: Client, bob: Client, charlie: Client
) -> None:
    for who in (alice, bob, charlie):
        assert who.get(page(team_a)).status_code == 403
        assert who.post(page(team_a), {"grace": "7"}).status_code == 403
    assert lead.get(page(team_b)).status_code == 403
    assert ApiKey.objects.count() == 2


def test_a_lead_cannot_rotate_a_key_for_owners_she_does_not_lead(
    team_a: Sender, team_b: Sender, lead: Client, operator: Client
) -> None:
    team_a.key.owners.add(team_b.key.default_owner)
    response = lead.post(page(team_a), {"grace": "7"}, follow=True)
    assert "Ask an operator to replace it." in str(response.content.decode())
    team_a.key.owners.clear()
    ApiKey.objects.update(all_owners=True)
    lead.post(page(team_a), {"grace": "7"})
    ApiKey.objects.update(all_owners=False, user=person("dora"))
    lead.post(page(team_a), {"grace": "7"})
    assert ApiKey.objects.count() == 2
    operator.post(page(team_a), {"grace": "7"})
    assert ApiKey.objects.count() == 3


@pytest.mark.parametrize("grace", ["", "8", "-1"])
def test_an_invalid_grace_period_rotates_nothing(team_a: Sender, lead: Client, grace: str) -> None:
    assert lead.post(page(team_a), {"grace": grace}).status_code == 200
    assert ApiKey.objects.count() == 1


def test_a_revoked_key_cannot_be_rotated(team_a: Sender, lead: Client) -> None:
    ApiKey.objects.update(revoked_at=timezone.now())
    lead.post(page(team_a), {"grace": "7"})
    assert ApiKey.objects.count() == 1
