"""Leads are limited to the owners they lead when they extend keys and filter replays."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from events.ownership.api_key import ApiKey, KeyType
from events.ownership.owner import Role
from ingestion.rejected.replay_jobs import ReplayJob
from tests.admin.conftest import html_of, logged_in
from tests.factories import person
from tests.sending import MakeSender, Sender, file_all, log_event

MATCHING = "/admin/ingestion/rejectedevent/matching/"
LATER = {"expires_at_0": "2099-01-01", "expires_at_1": "00:00:00"}
SOONER = {"expires_at_0": "2030-01-01", "expires_at_1": "00:00:00"}
NEVER = {"expires_at_0": "", "expires_at_1": ""}


def end(key: ApiKey, client: Client, change: dict[str, str]) -> int:
    """Submit the key's form and return the status of the response."""
    return client.post(f"/admin/events/apikey/{key.pk}/change/", {"name": "portal"} | change).status_code


@pytest.mark.parametrize("change", [LATER, NEVER], ids=["later", "never"])
@pytest.mark.parametrize("owners", ["all", "Team B"])
def test_a_lead_cannot_extend_a_key_that_leads_cannot_create(
    owners: str, change: dict[str, str], make_sender: MakeSender, lead: Client
) -> None:
    key = make_sender("Team A", owners=owners, kind=KeyType.SECRET).key
    expired = timezone.now() - timedelta(days=1)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=expired)
    assert end(key, lead, change) == 200
    key.refresh_from_db()
    assert key.expires_at == expired


def test_a_lead_cannot_extend_another_persons_key(team_a: Sender, lead: Client) -> None:
    owner, key = team_a.key.default_owner, team_a.key
    ends = timezone.now() + timedelta(days=1)
    ApiKey.objects.filter(pk=key.pk).update(user=person("dora", owner), expires_at=ends)
    assert end(key, lead, LATER) == 200
    ApiKey.objects.filter(pk=key.pk).update(user=User.objects.get(username="lena"))
    assert end(key, lead, LATER) == 302


def test_a_lead_can_shorten_and_revoke_such_a_key(make_sender: MakeSender, lead: Client) -> None:
    make_sender("Team A")
    key = make_sender("Team A", owners="all", kind=KeyType.SECRET).key
    assert end(key, lead, SOONER) == 302
    assert end(key, lead, SOONER) == 302, "the same end is no later one"
    assert end(key, lead, LATER) == 200
    assert end(key, lead, SOONER | {"revoke": "on"}) == 302
    key.refresh_from_db()
    assert key.revoked_at


def test_an_operator_can_extend_every_key(make_sender: MakeSender, operator: Client) -> None:
    key = make_sender("Team A", owners="all").key
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(days=1))
    assert end(key, operator, LATER) == 302


@pytest.mark.parametrize("role", Role)
def test_a_replay_does_not_name_owners_and_sources_that_the_filter_refused(
    role: Role, team_a: Sender, make_sender: MakeSender
) -> None:
    theirs = make_sender("Zebra team")
    bad = {"edata": {"type": 7}}
    theirs.batch(log_event(context={"channel": "c", "env": "e", "pdata": {"id": "zebra-app"}}))
    team_a.batch(log_event("LOG:bad", **bad))
    file_all()
    owner, source = theirs.key.default_owner_id, theirs.key.organization.sources.get(name="zebra-app").pk
    client = logged_in(person("lena", team_a.key.default_owner, role=role))
    mine = team_a.key.default_owner_id
    for query in (f"owner={owner}", f"owner={mine},{owner}", f"source={source}", f"source={source}&code=x"):
        response = client.post(f"{MATCHING}?{query}")
        assert "ebra" not in response.content.decode(), query
    assert not ReplayJob.objects.filter(sentence__icontains="zebra").exists()
    assert not ReplayJob.objects.filter(total__gt=0).exists()
    assert "ebra" not in html_of(client, "/admin/ingestion/replayjob/")
