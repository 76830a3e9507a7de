"""Only one module decides access: no other reads roles, memberships or permissions of keys."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from events import access
from events.ownership.api_key import KeyType
from events.ownership.owner import Membership, Owner
from tests.factories import person
from tests.sending import MakeSender

ROOT = Path(__file__).parents[2]
# Names that a rule about people or keys would need.
TELLING = {"Membership", "Role", "memberships", "is_superuser", "is_staff"}
ALLOWED = {
    "events/access.py": "decides",
    "events/ownership/owner.py": "keeps the roles",
    "events/accounts/invitation.py": "makes the membership that was offered",
    "events/accounts/members.py": "revokes keys and follows roles when a membership changes",
    "events/admin/members.py": "the pages that change memberships",
    "events/managing/members.py": "the form that changes a role, and removing a member",
    "events/api/managing/members.py": "the endpoints that change memberships",
    "events/admin/people.py": "the page that changes accounts",
    "telemetry_project/demo/home.py": "makes the demo's people",
    "reports/mail/account_mails.py": "names the role in an invitation",
}


def names_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg.partition("__")[0]


@pytest.mark.slow
def test_no_other_module_reads_roles_or_memberships() -> None:
    found: dict[str, set[str]] = {}
    for app in ("events", "ingestion", "reports", "telemetry_project"):
        for path in (ROOT / app).rglob("*.py"):
            name = str(path.relative_to(ROOT))
            if "migrations" not in name and (hits := TELLING & {*names_in(path)}):
                found[name] = hits
    assert found.keys() - ALLOWED.keys() == set(), "ask events.access instead"
    assert ALLOWED.keys() - found.keys() == set(), "no longer needed here"


@pytest.mark.parametrize("leaves", ["active", "membership"])
def test_access_ends_with_the_account_and_with_the_membership(leaves: str, make_sender: MakeSender) -> None:
    owner = make_sender("Team A").key.default_owner
    user = person("alice", owner)
    assert [*access.Access(user).visible_owners] == access.Access(user).owners == [owner]
    if leaves == "active":
        user.is_active = False
        user.save()
    else:
        Membership.objects.all().delete()
    gone = access.Access(user)
    assert gone.is_empty
    assert not gone.visible_owners.exists()
    assert gone.writable == frozenset()


def test_a_revoked_key_has_no_access_even_if_cached(make_sender: MakeSender) -> None:
    key = make_sender("Team A", owners="all", kind=KeyType.SECRET).key
    make_sender("Team B")
    assert {owner.name for owner in access.Access.of_key(key).owners} == {"Team A", "Team B"}
    type(key).objects.update(revoked_at=key.created_at)
    assert access.Access.of_key(key).is_empty
    assert access.Access.of_key(None).is_empty
    assert Owner.objects.count() == 2
