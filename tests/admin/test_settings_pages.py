"""Pages of owners, members, sources, organizations and people: visibility and changes."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.ownership.owner import Membership, Owner, Role
from ingestion.rejected.event import RejectedSize
from reports.digests.models import Subscription
from reports.mail.addresses import Address
from tests.admin.conftest import filed, html_of, logged_in, many
from tests.factories import person
from tests.sending import Sender

OPERATORS_ONLY = ("events/organization", "auth/user", "ingestion/inboxrequest")
MEMBERS_TOO = ("events/owner", "events/membership", "events/source", "events/apikey")


def test_a_member_sees_only_her_owners_with_members_and_sources(
    team_a: Sender, team_b: Sender, alice: Client, bob: Client
) -> None:
    filed(team_a, *many(1, "app of A"))
    filed(team_b, *many(1, "app of B"))
    for page, mine, theirs in (
        ("owner", ">Team A<", "Team B"),
        ("membership", ">alice<", ">bob<"),
        ("source", ">app of A<", "app of B"),
    ):
        html = html_of(alice, f"/admin/events/{page}/")
        assert mine in html, page
        assert theirs not in html, page


def test_rows_of_other_owners_have_no_page(team_a: Sender, team_b: Sender, alice: Client) -> None:
    stranger = team_b.key.default_owner
    source = filed(team_b, *many(1, "app of B")).source
    for path in (f"owner/{stranger.pk}", f"source/{source.pk}", f"apikey/{team_b.key.pk}"):
        assert alice.get(f"/admin/events/{path}/change/").status_code == 302, path


@pytest.mark.parametrize("page", OPERATORS_ONLY)
def test_some_pages_are_only_for_operators(page: str, alice: Client, operator: Client) -> None:
    assert alice.get(f"/admin/{page}/").status_code == 403
    assert operator.get(f"/admin/{page}/").status_code == 200


@pytest.mark.parametrize("page", MEMBERS_TOO)
def test_a_stranger_sees_no_settings(page: str, alice: Client, charlie: Client) -> None:
    assert alice.get(f"/admin/{page}/").status_code == 200
    assert charlie.get(f"/admin/{page}/").status_code == 403


@pytest.mark.parametrize("page", ["events/owner", "events/membership", "events/source"])
def test_a_viewer_cannot_add_owners_members_or_sources(page: str, alice: Client) -> None:
    assert alice.get(f"/admin/{page}/add/").status_code == 403


@pytest.mark.parametrize("page", ["events/owner", "events/membership", "events/organization", "auth/user"])
def test_an_operator_has_a_form_for_each_model(page: str, operator: Client) -> None:
    assert operator.get(f"/admin/{page}/add/").status_code == 200


def test_an_operator_creates_an_owner_and_a_member(team_a: Sender, operator: Client) -> None:
    home = team_a.key.default_owner.organization_id
    operator.post(
        "/admin/events/owner/add/",
        {"name": "Team C", "organization": home, "validation": "lenient", "over_quota": "warn"},
    )
    owner = Owner.objects.get(name="Team C")
    dora = person("dora")
    operator.post("/admin/events/membership/add/", {"user": dora.pk, "owner": owner.pk, "role": "viewer"})
    assert Membership.objects.filter(user=dora, owner=owner).exists()
    assert "Team C" in html_of(logged_in(dora), "/admin/events/owner/")


def test_an_owners_name_cannot_be_changed(team_a: Sender, operator: Client) -> None:
    owner = team_a.key.default_owner
    operator.post(
        f"/admin/events/owner/{owner.pk}/change/",
        {"name": "Another", "validation": "strict", "over_quota": "warn", "contact": ""},
    )
    owner.refresh_from_db()
    assert (owner.name, owner.validation) == ("Team A", "strict")


def test_a_person_without_staff_status_cannot_enter_the_admin(team_a: Sender) -> None:
    user = User.objects.create_user("guest")
    Membership.objects.create(user=user, owner=team_a.key.default_owner)
    assert logged_in(user).get("/admin/").status_code == 302


def test_the_first_page_counts_events_of_the_members_owners(
    team_a: Sender, team_b: Sender, alice: Client, operator: Client
) -> None:
    filed(team_a, *many(2))
    filed(team_b, *many(3))
    assert "2 events for one owner in the last 24 hours; none was rejected." in html_of(alice, "/admin/")
    assert "5 events for 2 owners in the last 24 hours; none was rejected." in html_of(operator, "/admin/")


@pytest.mark.parametrize(
    ("page", "title"),
    [("events/membership", "Members"), ("auth/user", "People"), ("events/apikey", "API keys")],
)
def test_page_titles_match_the_navigation(page: str, title: str, team_a: Sender, operator: Client) -> None:
    html = html_of(operator, f"/admin/{page}/")
    assert re.search(rf"<h1[^>]*>\s*<a [^>]*>{title}</a>", html)


def test_the_list_of_people_shows_their_role(team_a: Sender, operator: Client) -> None:
    person("vera", team_a.key.default_owner)
    person("lena", team_a.key.default_owner, role=Role.LEAD)
    html = html_of(operator, "/admin/auth/user/")
    for role in ("operator", "lead", "viewer"):
        assert re.search(rf'<td class="field-role[^>]*>{role}</td>', html), role


def test_an_owner_with_data_cannot_be_deleted_and_the_page_says_why(
    team_a: Sender, operator: Client, django_assert_max_num_queries: Any
) -> None:
    filed(team_a, *many(3))
    owner = team_a.key.default_owner
    page = f"/admin/events/owner/{owner.pk}/delete/"
    with django_assert_max_num_queries(40):
        html = html_of(operator, page)
    assert "can't be removed" in html or "can&#x27;t be removed" in html
    assert "API keys, counts of what was received and events." in html
    operator.post(page, {"post": "yes"})
    assert Owner.objects.filter(pk=owner.pk).exists()


def test_an_owner_without_data_is_deleted_with_its_members(team_a: Sender, operator: Client) -> None:
    owner = Owner.objects.create(name="Mistake", organization=team_a.key.organization)
    Membership.objects.create(user=person("dora"), owner=owner)
    page = f"/admin/events/owner/{owner.pk}/delete/"
    assert "Members: 1" in html_of(operator, page)
    operator.post(page, {"post": "yes"})
    assert not Owner.objects.filter(pk=owner.pk).exists()


def test_an_operator_adds_a_person_who_may_log_in(operator: Client) -> None:
    assert 'name="is_staff" ' in (html := html_of(operator, "/admin/auth/user/add/"))
    assert re.search(r'name="is_staff"[^>]* checked', html)
    made = {"username": "dora", "email": "dora@example.com", "is_staff": "on"}
    password = "a long sentence 0123"
    answer = operator.post("/admin/auth/user/add/", made | {"password1": password, "password2": password})
    assert answer.status_code == 302
    assert Client().login(username="dora", password=password)
    assert User.objects.get(username="dora").is_staff


def test_deleting_a_person_lists_memberships_but_no_groups(operator: Client, team_a: Sender) -> None:
    dora = person("dora", team_a.key.default_owner, role=Role.LEAD)
    html = html_of(operator, f"/admin/auth/user/{dora.pk}/delete/")
    assert "dora, lead of Team A" in html
    assert "relationship" not in html


def test_deleting_an_owner_lists_no_internal_rows(operator: Client, team_a: Sender) -> None:
    owner = Owner.objects.create(organization=team_a.key.organization, name="Nothing yet")
    person("dora", owner)
    RejectedSize.objects.create(owner=owner, bytes=1)
    address = Address.objects.create(owner=owner, address="team@example.org")
    Subscription.objects.create(address=address).owners.set([owner])
    html = html_of(operator, f"/admin/events/owner/{owner.pk}/delete/")
    for listed in ("dora, viewer of Nothing yet", "team@example.org"):
        assert listed in html, listed
    for internal in ("ejected size", "relationship", "object ("):
        assert internal not in html, internal
