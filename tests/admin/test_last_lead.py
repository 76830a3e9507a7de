"""Only an operator can demote or remove the last lead of an owner."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.ownership.owner import Membership, Role
from tests.admin.conftest import html_of
from tests.factories import person
from tests.sending import Sender

WHY = "is the last lead of Team A. Without a lead, nobody on the team could manage its members and keys."


def lena() -> Membership:
    return Membership.objects.get(user=User.objects.get(username="lena"))


@pytest.fixture
def page(lead: Client) -> str:
    return f"/admin/events/membership/{lena().pk}"


def test_a_lead_can_not_demote_the_last_one(page: str, lead: Client) -> None:
    answer = lead.post(f"{page}/change/", {"role": "viewer"})
    assert WHY in answer.content.decode()
    assert lena().role == Role.LEAD


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_lead_can_not_remove_the_last_one(method: str, page: str, lead: Client) -> None:
    answer = getattr(lead, method)(f"{page}/delete/", {"post": "yes"}, follow=True)
    assert WHY in answer.content.decode()
    assert lena().role == Role.LEAD


def test_one_of_two_active_leads_can_step_down(page: str, team_a: Sender, lead: Client) -> None:
    second = person("lars", team_a.key.default_owner, role=Role.LEAD)
    assert "Leave Team A" in html_of(lead, f"{page}/delete/")
    second.is_active = False
    second.save()
    assert WHY in lead.post(f"{page}/change/", {"role": "viewer"}).content.decode()
    second.is_active = True
    second.save()
    assert lead.post(f"{page}/change/", {"role": "viewer"}).status_code == 302
    assert lena().role == Role.VIEWER


def test_viewers_can_be_removed_and_unchanged_leads_saved(page: str, team_a: Sender, lead: Client) -> None:
    viewer = person("vera", team_a.key.default_owner).memberships.get()
    assert lead.post(f"/admin/events/membership/{viewer.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Membership.objects.filter(pk=viewer.pk).exists()
    assert lead.post(f"{page}/change/", {"role": "lead"}).status_code == 302


def test_an_operator_can_demote_and_remove_the_last_lead(page: str, operator: Client) -> None:
    assert operator.post(f"{page}/change/", {"role": "viewer"}).status_code == 302
    assert lena().role == Role.VIEWER
    Membership.objects.update(role=Role.LEAD)
    assert operator.post(f"{page}/delete/", {"post": "yes"}).status_code == 302
    assert not Membership.objects.exists()
