"""The audit trail: recorded actions, visibility, immutability."""

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client

from events.accounts import audit
from events.accounts.audit import AuditEntry
from events.ownership.api_key import ApiKey
from tests.admin.conftest import html_of
from tests.factories import person
from tests.sending import Sender

TRAIL = "/admin/accounts/auditentry/"


def last(action: str) -> AuditEntry:
    found = AuditEntry.objects.filter(action=action).first()
    assert found, action
    return found


def test_creating_changing_and_revoking_a_key_is_recorded_without_its_secret(
    team_a: Sender, lead: Client
) -> None:
    owner = team_a.key.default_owner
    lead.post(
        "/admin/events/apikey/add/",
        {"name": "portal", "type": "publishable", "permissions": "write", "default_owner": owner.pk},
    )
    key = ApiKey.objects.get(name="portal")
    path = f"/admin/events/apikey/{key.pk}/change/"
    lead.post(path, {"name": "portal 2"})
    lead.post(path, {"name": "portal 2", "revoke": "on"})
    made, changed, revoked = last("key.made"), last("key.changed"), last("key.revoked")
    assert (made.actor_name, made.owner, made.about_id) == ("lena", owner, str(key.pk))
    assert made.after["default_owner"] == "Team A"
    assert (changed.before, changed.after) == ({"name": "portal"}, {"name": "portal 2"})
    assert list(revoked.after) == ["revoked_at"]
    assert made.address_hash
    assert "127.0.0.1" not in made.address_hash
    assert not any(key.hash in str(entry.__dict__) for entry in AuditEntry.objects.all())


def test_changes_of_members_and_settings_are_recorded(team_a: Sender, operator: Client) -> None:
    owner, dora = team_a.key.default_owner, person("dora")
    operator.post("/admin/events/membership/add/", {"user": dora.pk, "owner": owner.pk, "role": "viewer"})
    member = dora.memberships.get()
    operator.post(f"/admin/events/membership/{member.pk}/change/", {"role": "lead"})
    operator.post(f"/admin/events/membership/{member.pk}/delete/", {"post": "yes"})
    operator.post(
        f"/admin/events/owner/{owner.pk}/change/",
        {"validation": "strict", "over_quota": "warn", "contact": ""},
    )
    assert last("member.made").after == {"user": "dora", "owner": "Team A", "role": "viewer"}
    assert (last("member.changed").before, last("member.changed").after) == (
        {"role": "viewer"},
        {"role": "lead"},
    )
    assert last("member.removed").before["user"] == "dora"
    assert last("owner.changed").after == {"validation": "strict"}


def test_a_key_created_by_command_is_recorded_without_its_secret(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_key", "--owner", "Team C", "--validation", "strict")
    text = capsys.readouterr().out.strip()
    key = ApiKey.objects.get(default_owner__name="Team C")
    made, changed = last("key.made"), last("owner.changed")
    assert (made.actor_name, made.about_id, made.owner) == (
        "manage.py create_key",
        str(key.pk),
        key.default_owner,
    )
    assert changed.after == {"validation": "strict"}
    told = str([entry.__dict__ for entry in AuditEntry.objects.all()])
    assert key.hash not in told
    assert text not in told


def test_a_save_without_changes_is_not_recorded(team_a: Sender, operator: Client) -> None:
    path = f"/admin/events/owner/{team_a.key.default_owner.pk}/change/"
    assert operator.post(path, {"validation": "lenient", "over_quota": "warn"}).status_code == 302
    assert not AuditEntry.objects.filter(action="owner.changed").exists()


def test_a_changed_password_is_recorded_without_the_password(operator: Client) -> None:
    dora = person("dora")
    path = f"/admin/auth/user/{dora.pk}"
    word = "a long enough one 4711"
    assert operator.post(f"{path}/password/", {"password1": word, "password2": word}).status_code == 302
    entry = last("person.password_changed")
    assert (entry.about, entry.before, entry.after) == ("dora", {}, {})


def test_logins_are_recorded_but_unknown_usernames_are_not(client: Client, db: None) -> None:
    User.objects.create_user("dora", password="right one 4711", is_staff=True)
    form = {"username": "dora", "password": "wrong"}
    client.post("/admin/login/", form)
    assert last("login.failed").actor_name == "dora"
    client.post("/admin/login/", form | {"username": "my password by mistake"})
    assert last("login.failed").actor_name == "somebody"
    client.post("/admin/login/", form | {"password": "right one 4711"})
    assert last("login.succeeded").actor_name == "dora"
    client.post("/admin/logout/")
    assert last("logout").actor_name == "dora"


def test_leads_see_entries_of_their_owners_operators_all_and_viewers_none(
    team_a: Sender, team_b: Sender, lead: Client, alice: Client, operator: Client
) -> None:
    actor = audit.Actor("olga")
    mine = audit.record(actor, "owner.changed", "mine", owner=team_a.key.default_owner)
    theirs = audit.record(actor, "owner.changed", "theirs", owner=team_b.key.default_owner)
    nobodys = audit.record(actor, "organization.changed", "nobodys")
    html = html_of(lead, TRAIL)
    assert f"{TRAIL}{mine.pk}/change/" in html
    for entry in (theirs, nobodys):
        assert f"{TRAIL}{entry.pk}/change/" not in html
        assert lead.get(f"{TRAIL}{entry.pk}/change/").status_code == 302
        assert f"{TRAIL}{entry.pk}/change/" in html_of(operator, TRAIL)
    assert "Team B" not in html
    assert alice.get(TRAIL).status_code == 403
    assert "olga changed the settings of mine." in html_of(lead, f"{TRAIL}{mine.pk}/change/")


def test_entries_cannot_be_changed_or_deleted(operator: Client) -> None:
    entry = audit.record(audit.Actor("olga"), "export.made", "events")
    for path in ("add/", f"{entry.pk}/delete/"):
        assert operator.get(f"{TRAIL}{path}").status_code == 403
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(actor_name="somebody else")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.all().delete()


def test_entries_outlive_the_person_and_the_owner(team_b: Sender, operator: Client) -> None:
    dora, owner = person("dora"), team_b.key.default_owner
    entry = audit.record(audit.Actor("dora", dora.pk), "owner.changed", owner, owner=owner)
    dora.delete()
    ApiKey.objects.all().delete()
    owner.delete()
    html = html_of(operator, f"{TRAIL}{entry.pk}/change/")
    assert "dora changed the settings of Team B." in html
    assert "Team B" in html_of(operator, TRAIL)


def test_an_unknown_action_is_refused(db: None) -> None:
    with pytest.raises(KeyError):
        audit.record(audit.Actor("olga"), "tea.made")


def test_a_changed_secret_is_recorded_without_its_value() -> None:
    assert audit.differences({"token": "a", "name": "x"}, {"token": "b", "name": "x"}) == (
        {"token": "(secret)"},
        {"token": "(secret)"},
    )
