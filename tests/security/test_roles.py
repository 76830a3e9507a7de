"""Roles: what leads may manage, and the groups that mirror roles."""

from django.contrib.auth.models import Group, User
from django.test import Client

from events import access
from events.ownership.owner import Membership, Owner, Role
from tests.admin.conftest import html_of, logged_in
from tests.factories import person
from tests.sending import Sender

MEMBERS = "/admin/events/membership/"


def test_a_lead_changes_the_settings_of_her_owner_but_not_its_quota(team_a: Sender, lead: Client) -> None:
    owner = team_a.key.default_owner
    form = {
        "validation": "strict",
        "contact": "team@example.org",
        "name": "Another",
        "monthly_quota": "5",
        "over_quota": "refuse",
    }
    assert lead.post(f"/admin/events/owner/{owner.pk}/change/", form).status_code == 302
    owner.refresh_from_db()
    assert (owner.validation, owner.contact) == ("strict", "team@example.org")
    assert (owner.name, owner.monthly_quota, owner.over_quota) == ("Team A", None, "warn")


def test_a_viewer_cannot_change_settings(team_a: Sender, alice: Client) -> None:
    path = f"/admin/events/owner/{team_a.key.default_owner_id}/change/"
    assert alice.get(path).status_code == 200
    assert alice.post(path, {"validation": "strict"}).status_code == 403


def test_a_lead_cannot_change_another_owner(team_a: Sender, team_b: Sender, lead: Client) -> None:
    member = Membership.objects.create(user=person("bob"), owner=team_b.key.default_owner)
    lead.post(f"/admin/events/owner/{team_b.key.default_owner_id}/change/", {"validation": "strict"})
    lead.post(f"{MEMBERS}{member.pk}/change/", {"role": "lead"})
    lead.post(f"{MEMBERS}{member.pk}/delete/", {"post": "yes"})
    lead.post(f"{MEMBERS}add/", {"username": "lena", "owner": team_b.key.default_owner_id, "role": "lead"})
    assert Owner.objects.get(name="Team B").validation == "lenient"
    assert [each.role for each in Membership.objects.filter(owner__name="Team B")] == ["viewer"]


def test_a_lead_of_one_owner_and_viewer_of_another_manages_only_the_first(
    team_a: Sender, team_b: Sender
) -> None:
    dora = person("dora", team_a.key.default_owner, role=Role.LEAD)
    Membership.objects.create(user=dora, owner=team_b.key.default_owner)
    client = logged_in(dora)
    assert (
        client.post(
            f"/admin/events/owner/{team_b.key.default_owner_id}/change/", {"validation": "strict"}
        ).status_code
        == 403
    )
    assert "Team B" not in html_of(client, "/admin/accounts/invitation/add/")


def test_a_lead_changes_and_removes_members_but_adds_them_only_by_invitation(
    team_a: Sender, lead: Client
) -> None:
    owner, dora = team_a.key.default_owner, person("dora")
    assert lead.get(f"{MEMBERS}add/").status_code == 403
    lead.post(f"{MEMBERS}add/", {"username": "dora", "user": dora.pk, "owner": owner.pk, "role": "viewer"})
    assert not Membership.objects.filter(user=dora).exists()
    member = Membership.objects.create(user=dora, owner=owner)
    lead.post(f"{MEMBERS}{member.pk}/change/", {"role": "lead", "user": 1, "owner": 1})
    member.refresh_from_db()
    assert (member.role, member.user, member.owner) == ("lead", dora, owner)
    lead.post(f"{MEMBERS}{member.pk}/delete/", {"post": "yes"})
    assert not Membership.objects.filter(user=dora).exists()


def test_members_of_the_operators_group_are_operators(team_a: Sender, team_b: Sender) -> None:
    dora = person("dora")
    group, _ = Group.objects.get_or_create(name=access.OPERATORS)
    group.user_set.add(dora)
    html = html_of(logged_in(dora), "/admin/events/owner/")
    assert "Team A" in html
    assert "Team B" in html
    assert logged_in(dora).get("/admin/events/organization/").status_code == 200
    User.objects.filter(pk=dora.pk).update(is_active=False)
    assert not access.is_operator(User.objects.get(pk=dora.pk))


def test_the_group_of_leads_is_kept_in_step_with_memberships(team_a: Sender, team_b: Sender) -> None:
    dora = person("dora", team_a.key.default_owner, team_b.key.default_owner, role=Role.LEAD)
    first, second = dora.memberships.all()
    assert dora.groups.filter(name=access.LEADS).exists()
    first.delete()
    assert dora.groups.filter(name=access.LEADS).exists()
    second.role = Role.VIEWER
    second.save()
    assert not dora.groups.filter(name=access.LEADS).exists()
