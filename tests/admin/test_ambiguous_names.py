"""Owners and sources of the same name in two organizations, links in forms, and time zones of fields."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from events.ownership.owner import Membership
from events.store.usage import UsageHour, hour_of
from tests.admin.conftest import filed, html_of, many
from tests.admin.test_front_page import counted
from tests.factories import person
from tests.reports.asked import csv_of
from tests.sending import MakeSender, Sender, log_event

AUTOCOMPLETE = "/admin/autocomplete/"


@pytest.fixture
def twin(team_a: Sender, make_sender: MakeSender) -> Sender:
    """A sender of another Team A, in another organization."""
    return make_sender("Team A", organization_slug="globex")


@pytest.mark.parametrize("page", ["event", "apikey", "membership"])
def test_lists_show_the_organization_if_there_are_several(
    page: str, team_a: Sender, twin: Sender, operator: Client
) -> None:
    for sender in (team_a, twin):
        filed(sender, *many(1))
        person(f"member of {sender.key.organization}", sender.key.default_owner)
    html = html_of(operator, f"/admin/events/{page}/")
    for name in ("Team A · Acme", "Team A · Globex"):
        assert re.search(rf">{name}<", html.replace("\n", "")), name


def test_names_have_no_organization_if_the_reader_sees_only_one(
    team_a: Sender, twin: Sender, alice: Client
) -> None:
    assert "Team A ·" not in html_of(alice, "/admin/events/apikey/")


def test_silent_sources_of_the_same_name_show_their_organization(
    team_a: Sender, twin: Sender, operator: Client, alice: Client
) -> None:
    for sender in (team_a, twin):
        counted(sender, "portal", 30, 7)
    html = html_of(operator, "/admin/")
    assert ">portal · Acme<" in html
    assert ">portal · Globex<" in html
    assert ">portal<" in html_of(alice, "/admin/")


def test_forms_and_autocompletes_show_the_organization(
    team_a: Sender, twin: Sender, operator: Client
) -> None:
    for page in ("apikey", "membership"):
        html = html_of(operator, f"/admin/events/{page}/add/")
        assert ">Team A · Acme</option>" in html, page
        assert ">Team A · Globex</option>" in html, page
    asked = {"app_label": "events", "model_name": "apikey", "field_name": "default_owner", "term": "team"}
    found = operator.get(AUTOCOMPLETE, asked).json()["results"]
    assert {each["text"] for each in found} == {"Team A · Acme", "Team A · Globex"}
    assert operator.get(AUTOCOMPLETE, asked | {"term": "\x00"}).json()["results"] == []


@pytest.mark.parametrize(
    "asked",
    [
        {"app_label": "events", "model_name": "owner", "field_name": "memberships"},
        {"app_label": "events", "model_name": "owner", "field_name": "keys"},
        {"app_label": "auth", "model_name": "user", "field_name": "api_keys"},
        {"app_label": "events", "model_name": "owner", "field_name": "name"},
        {"app_label": "events", "model_name": "nothing", "field_name": "name"},
        {},
    ],
)
def test_an_autocomplete_that_no_form_uses_is_refused(
    asked: dict[str, str], operator: Client, alice: Client, client: Client
) -> None:
    for who in (operator, alice):
        assert who.get(AUTOCOMPLETE, {"term": ""} | asked).status_code in (400, 403)
    assert client.get(AUTOCOMPLETE, asked).status_code == 302


def test_an_autocomplete_offers_a_member_only_her_owners(
    team_a: Sender, team_b: Sender, alice: Client
) -> None:
    asked = {"app_label": "events", "model_name": "apikey", "field_name": "default_owner", "term": "team"}
    found = alice.get(AUTOCOMPLETE, asked).json()["results"]
    assert [each["text"] for each in found] == ["Team A"]


def test_fields_link_only_to_pages_the_person_may_open(
    team_a: Sender, lead: Client, operator: Client
) -> None:
    owner = team_a.key.default_owner
    member = Membership.objects.get(user=User.objects.get(username="lena"))
    organization = f"/admin/events/organization/{owner.organization_id}/change/"
    pages = {
        f"/admin/events/owner/{owner.pk}/change/": organization,
        f"/admin/events/membership/{member.pk}/change/": f"/admin/auth/user/{member.user_id}/change/",
        f"/admin/events/apikey/{team_a.key.pk}/change/": organization,
    }
    for page, leads_to in pages.items():
        assert leads_to in html_of(operator, page), page
        assert leads_to not in html_of(lead, page), page
    assert "Acme" in html_of(lead, f"/admin/events/owner/{owner.pk}/change/")
    assert f"/admin/events/owner/{owner.pk}/change/" in html_of(lead, next(reversed(pages)))


def test_forms_state_the_zone_of_times(team_a: Sender, operator: Client) -> None:
    assert "Expires at (UTC)" in html_of(operator, f"/admin/events/apikey/{team_a.key.pk}/change/")
    assert "Expires at (UTC)" in html_of(operator, "/admin/events/apikey/add/")
    path = f"/admin/auth/user/{person('dora').pk}/change/"
    assert "Last login (UTC)" in html_of(operator, path)


def test_the_page_of_partitions_highlights_its_navigation_item(operator: Client) -> None:
    html = html_of(operator, "/admin/events/event/partitions/")
    active = re.findall(r'<a href="([^"]+)" class="[^"]* active">', html)
    assert active == ["/admin/events/event/partitions/"]
    events = html_of(operator, "/admin/events/event/")
    assert re.findall(r'<a href="([^"]+)" class="[^"]* active">', events) == ["/admin/events/event/"]


def test_sources_listed_without_their_owner_show_their_organization(
    team_a: Sender, twin: Sender, operator: Client, alice: Client
) -> None:
    for sender in (team_a, twin):
        filed(sender, log_event("good"), log_event("bad") | {"edata": None})
    UsageHour.objects.update(hour=hour_of(timezone.now()) - timedelta(hours=30))
    for page in ("/admin/", "/admin/ingestion/rejectedevent/groups/"):
        html = html_of(operator, page)
        source = UsageHour.objects.earliest("pk").source.name
        for name in (f"{source} · Acme", f"{source} · Globex"):
            assert f">{name}<" in html, (page, name)
        assert "· Acme" not in html_of(alice, page), page


def test_accounts_show_the_organization(team_a: Sender, twin: Sender, operator: Client) -> None:
    for sender in (team_a, twin):
        filed(sender, *many(1))
    page = "/admin/ingestion/rejectedevent/accounts/"
    for text in (html_of(operator, page), csv_of(operator, f"{page}?as=csv")):
        assert "Team A · Acme" in text
        assert "Team A · Globex" in text
