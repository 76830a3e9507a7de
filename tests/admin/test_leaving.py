"""A member's keys end with the membership, unless another lead takes over keys created for the team."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.accounts.audit import AuditEntry
from events.ownership.api_key import ApiKey, KeyType
from events.ownership.owner import Membership, Owner, Role
from tests.admin.conftest import html_of, logged_in
from tests.factories import person
from tests.sending import SUNBIRD, MakeSender, Sender, log_event


@pytest.fixture
def owner(team_a: Sender) -> Owner:
    return team_a.key.default_owner


@pytest.fixture
def dora(owner: Owner) -> User:
    """A second lead of team A."""
    return person("dora", owner, role=Role.LEAD)


def page_of(user: User) -> str:
    return f"/admin/events/membership/{Membership.objects.get(user=user).pk}/delete/"


def key_of(make_sender: MakeSender, **columns: object) -> Sender:
    made = make_sender("Team A", kind=KeyType.SECRET)
    ApiKey.objects.filter(pk=made.key.pk).update(**columns)
    return made


def works(sender: Sender) -> bool:
    return bool(sender.post(SUNBIRD, {"events": [log_event()]}).status_code == 200)


def end(client: Client, user: User, **chosen: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # A test's transaction is never committed, so that on_commit wouldn't run.
        patch.setattr("django.db.transaction.on_commit", lambda done, **_: done())
        assert client.post(page_of(user), {"post": "yes"} | chosen).status_code == 302


def test_the_keys_of_a_removed_member_end(
    make_sender: MakeSender, team_a: Sender, lead: Client, dora: User
) -> None:
    personal, for_team = key_of(make_sender, user=dora), key_of(make_sender, created_by=dora)
    assert works(personal)
    assert works(for_team)
    html = html_of(lead, page_of(dora))
    assert str(personal.key) in html
    assert str(for_team.key) in html
    end(lead, dora)
    assert not works(personal)
    assert not works(for_team)
    assert works(team_a), "a key that somebody else created still works"
    noted = AuditEntry.objects.filter(action="key.revoked")
    assert {entry.about_id for entry in noted} == {str(personal.key.pk), str(for_team.key.pk)}
    assert {entry.actor_name for entry in noted} == {"lena"}


def test_another_lead_takes_over_a_team_key_but_not_a_personal_one(
    make_sender: MakeSender, lead: Client, dora: User
) -> None:
    personal, for_team = key_of(make_sender, user=dora), key_of(make_sender, created_by=dora)
    lena = User.objects.get(username="lena")
    end(lead, dora, **{f"key-{each.key.pk}": lena.pk for each in (personal, for_team)})
    assert works(for_team)
    assert not works(personal)
    for_team.key.refresh_from_db()
    assert for_team.key.created_by == lena
    assert AuditEntry.objects.get(action="key.handed_over").after == {"to": "lena"}


@pytest.mark.parametrize("who", ["dora", "alice", "stranger"])
def test_only_another_lead_can_take_a_key_over(
    who: str, make_sender: MakeSender, owner: Owner, lead: Client, dora: User
) -> None:
    key = key_of(make_sender, created_by=dora)
    person("alice", owner)
    person("stranger", make_sender("Team B").key.default_owner, role=Role.LEAD)
    end(lead, dora, **{f"key-{key.key.pk}": User.objects.get(username=who).pk})
    assert not works(key)


def test_a_key_that_manages_acts_for_nobody_who_did_not_take_it_over(
    make_sender: MakeSender, owner: Owner, lead: Client, dora: User
) -> None:
    """Otherwise somebody who leaves, even as a viewer, would keep a key with the rights of a lead."""
    kept, lost = (key_of(make_sender, created_by=dora, may_manage=True) for _ in range(2))
    alice = person("alice", owner, role=Role.LEAD)
    Membership.objects.filter(user=dora).update(role=Role.VIEWER)
    lena = User.objects.get(username="lena")
    chosen = {f"key-{kept.key.pk}": lena.pk, f"key-{lost.key.pk}": alice.pk}
    page = html_of(logged_in(dora), page_of(dora))
    assert "manages, so it is revoked" in page
    assert not any(f'name="{name}"' in page for name in chosen)
    end(lead, dora, **chosen)
    kept.key.refresh_from_db()
    lost.key.refresh_from_db()
    assert (kept.key.person, kept.key.revoked_at) == (lena, None)
    assert (lost.key.person, lost.key.revoked_at is None) == (dora, False)


def test_a_key_for_several_owners_loses_the_owner_its_user_left(make_sender: MakeSender, dora: User) -> None:
    other = make_sender("Team B", kind=KeyType.SECRET).key
    owner = Membership.objects.get(user=dora).owner
    other.owners.add(owner)
    ApiKey.objects.filter(pk=other.pk).update(user=dora)
    Membership.objects.get(user=dora).delete()
    other.refresh_from_db()
    assert other.revoked_at is None
    assert not other.owners.exists()


@pytest.mark.parametrize("way", ["membership", "account"])
def test_keys_end_with_the_membership_or_the_account(
    way: str, make_sender: MakeSender, dora: User, team_a: Sender
) -> None:
    key = key_of(make_sender, created_by=dora).key
    (Membership.objects.filter(user=dora) if way == "membership" else dora).delete()
    key.refresh_from_db()
    assert key.revoked_at
    assert ApiKey.objects.get(pk=team_a.key.pk).revoked_at is None


def test_members_can_leave_unless_they_are_the_last_lead(owner: Owner, alice: Client, lead: Client) -> None:
    lena = User.objects.get(username="lena")
    assert "Leave" in html_of(alice, "/admin/events/membership/")
    assert "Leave Team A" in html_of(alice, page_of(User.objects.get(username="alice")))
    assert alice.post(page_of(lena)).status_code == 403
    assert alice.post(page_of(User.objects.get(username="alice")), {"post": "yes"}).status_code == 302
    assert not Membership.objects.filter(user__username="alice").exists()
    lead.post(page_of(lena), {"post": "yes"})
    assert Membership.objects.filter(user=lena).exists()
    person("dora", owner, role=Role.LEAD)
    lead.post(page_of(lena), {"post": "yes"})
    assert not Membership.objects.filter(user=lena).exists()


def test_memberships_of_other_owners_are_not_found(team_b: Sender, lead: Client) -> None:
    bob = person("bob", team_b.key.default_owner)
    assert lead.get(page_of(bob)).status_code == 404
    assert logged_in(bob).get(page_of(User.objects.get(username="lena"))).status_code == 404
