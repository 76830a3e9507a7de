"""API keys in the admin: shown once, renamed, limited in time, revoked."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from events.ownership.api_key import ApiKey, KeyType, hash_of
from tests.admin.conftest import html_of
from tests.sending import SUNBIRD, Sender, log_event

KEYS = "/admin/events/apikey/"


def made(client: Client, sender: Sender, **fields: object) -> str:
    """Create a key in the admin, and return the next page."""
    response = client.post(f"{KEYS}add/", form_of(sender) | fields, follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


def form_of(sender: Sender) -> dict[str, object]:
    return {
        "name": "portal",
        "type": "publishable",
        "permissions": "write",
        "default_owner": sender.key.default_owner_id,
    }


def key_in(html: str) -> str | None:
    found = re.search(r"tally_[ps]k_[a-z0-9]{12}_[0-9a-f]{64}", html)
    return found[0] if found else None


def test_a_key_is_shown_once_and_works(team_a: Sender, operator: Client) -> None:
    text = key_in(made(operator, team_a, type="secret"))
    assert text
    assert key_in(html_of(operator, KEYS)) is None
    key = ApiKey.objects.get(name="portal")
    assert (key.hash, key.type, key.organization) == (
        hash_of(text),
        KeyType.SECRET,
        team_a.key.default_owner.organization,
    )
    assert key.hash not in html_of(operator, f"{KEYS}{key.pk}/change/")
    assert Sender(key, text, Client()).post(SUNBIRD, {"events": [log_event()]}).status_code == 200


def test_a_keys_text_is_only_in_the_response_to_the_form(team_a: Sender, lead: Client) -> None:
    response = lead.post(f"{KEYS}add/", form_of(team_a))
    text = key_in(response.content.decode())
    assert text
    assert "no-store" in response["Cache-Control"]
    cookies = " ".join(str(morsel) for morsel in lead.cookies.values())
    sessions = " ".join(str(each.get_decoded()) for each in Session.objects.all())
    assert text.rpartition("_")[2] not in cookies + sessions
    key = ApiKey.objects.get(name="portal")
    assert (key.created_by and key.created_by.username) == "lena"
    rotated = lead.post(f"{KEYS}{key.pk}/rotate/", {"grace": "0"})
    assert key_in(rotated.content.decode())
    assert "no-store" in rotated["Cache-Control"]
    assert "messages" not in rotated.cookies


@pytest.mark.parametrize("permissions", [("read",), ("write", "read"), ("write", "manage")])
def test_a_publishable_key_can_only_write(permissions: tuple[str, ...], team_a: Sender, lead: Client) -> None:
    html = made(lead, team_a, permissions=permissions)
    assert key_in(html) is None
    assert "so it can only write" in html
    assert key_in(made(lead, team_a, type="secret", permissions=permissions))
    assert ApiKey.objects.get(name="portal").permissions == permissions


def test_a_publishable_key_for_all_owners_needs_confirmation(team_a: Sender, operator: Client) -> None:
    html = made(operator, team_a, all_owners="on")
    assert key_in(html) is None
    assert "write events for every owner" in html
    assert key_in(made(operator, team_a, all_owners="on", open_to_anyone="on"))
    assert key_in(made(operator, team_a, all_owners="on", type="secret"))


def test_only_the_name_and_expiry_of_a_key_can_be_changed(
    team_a: Sender, team_b: Sender, operator: Client
) -> None:
    key = team_a.key
    before = dict(ApiKey.objects.values().get(pk=key.pk))
    change = {
        "name": "renamed",
        "expires_at_0": "2030-01-01",
        "expires_at_1": "00:00:00",
        "type": "secret",
        "prefix": "x",
        "hash": "x",
        "all_owners": "on",
        "default_owner": team_b.key.default_owner_id,
    }
    assert operator.post(f"{KEYS}{key.pk}/change/", change).status_code == 302
    after = dict(ApiKey.objects.values().get(pk=key.pk))
    assert {name for name in before if before[name] != after[name]} == {"name", "expires_at"}


def test_a_revoked_key_is_refused_at_once_and_stays_revoked(team_a: Sender, operator: Client) -> None:
    assert team_a.post(SUNBIRD, {"events": [log_event()]}).status_code == 200
    path = f"{KEYS}{team_a.key.pk}/change/"
    operator.post(path, {"name": "", "revoke": "on"})
    assert team_a.post(SUNBIRD, {"events": [log_event()]}).status_code == 401
    assert 'name="revoke"' not in html_of(operator, path)
    operator.post(path, {"name": "", "revoked_at": ""})
    assert ApiKey.objects.get(pk=team_a.key.pk).revoked_at


def test_no_key_can_be_deleted(team_a: Sender, operator: Client) -> None:
    assert operator.get(f"{KEYS}{team_a.key.pk}/delete/").status_code == 403


def test_a_lead_creates_keys_only_for_her_owner(team_a: Sender, team_b: Sender, lead: Client) -> None:
    assert key_in(made(lead, team_a))
    assert key_in(made(lead, team_b)) is None
    assert key_in(made(lead, team_a, owners=[team_b.key.default_owner_id])) is None
    assert "Team B" not in html_of(lead, f"{KEYS}add/")


def test_a_lead_cannot_create_a_key_for_all_owners(team_a: Sender, lead: Client) -> None:
    made(lead, team_a, all_owners="on", user=1)
    key = ApiKey.objects.get(name="portal")
    assert (key.all_owners, key.user) == (False, None)


def test_a_viewer_sees_keys_but_cannot_create_or_change_them(
    team_a: Sender, team_b: Sender, alice: Client
) -> None:
    html = html_of(alice, KEYS)
    assert team_a.key.prefix in html
    assert team_b.key.prefix not in html
    assert alice.get(f"{KEYS}add/").status_code == 403
    path = f"{KEYS}{team_a.key.pk}/change/"
    assert alice.post(path, {"name": "mine", "revoke": "on"}).status_code == 403
    assert 'name="revoke"' not in html_of(alice, path)


def test_a_key_does_not_reveal_names_of_other_owners_to_a_member(
    team_a: Sender, team_b: Sender, alice: Client, operator: Client
) -> None:
    team_a.key.owners.add(team_b.key.default_owner)
    path = f"{KEYS}{team_a.key.pk}/change/"
    assert "Team B" not in html_of(alice, path)
    assert "Team B" in html_of(operator, path)


def test_all_owners_of_a_key_are_in_one_organization(
    team_a: Sender, make_sender: object, operator: Client
) -> None:
    assert callable(make_sender)
    stranger = make_sender("Strangers", organization_slug="other")
    html = made(operator, team_a, owners=[stranger.key.default_owner_id])
    assert key_in(html) is None
    assert "Not of the organization of Team A: Strangers." in html
