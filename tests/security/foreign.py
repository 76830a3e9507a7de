"""Values that an attacker would post: IDs of another owner's rows, and fields that grant more rights."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group

from events.access import OPERATORS
from ingestion.rejected.event import RejectedEvent
from tests.security.world import ROWS, Side

# Fields that would grant more rights, whether or not a form has them.
RAISING = {
    "is_superuser": "on",
    "is_staff": "on",
    "role": "lead",
    "all_owners": "on",
    "open_to_anyone": "on",
    "type": "secret",
    "permissions": ["write", "read", "manage"],
    "may_read": "on",
    "may_manage": "on",
    "may_write": "on",
    "revoked_at": "",
    "expires_at_0": "2099-01-01",
    "expires_at_1": "00:00:00",
    "confirmed_at": "2026-01-01",
    "clicked_at": "2026-01-01",
    "monthly_quota": "1",
}
# Values that forms require.
FILLING = {"name": "hacked", "email": "hacked@example.org", "reason": "hacked", "grace": "7", "post": "yes"}
DIGEST = {"rhythm": "daily", "hour": "7", "zone": "UTC", "locale": "en", "active": "on"}


def values(theirs: Side) -> dict[str, Any]:
    """Return a value for every field of every form. Relations point to another owner's rows."""
    found: dict[str, Any] = FILLING | DIGEST | RAISING
    for model in admin.site._registry:
        for field in (*model._meta.fields, *model._meta.many_to_many):
            if field.related_model in ROWS:
                found[field.name] = theirs.rows(field.related_model)[0].pk
    group, _ = Group.objects.get_or_create(name=OPERATORS)
    rejected = theirs.rows(RejectedEvent)[0].pk
    found |= {"groups": group.pk, "username": theirs.lead.username, "ids": rejected}
    return found | {"action": "replay_selected", "_selected_action": rejected}


def query(theirs: Side) -> str:
    """Return filters of lists with values that only others are offered."""
    source = theirs.rows(RejectedEvent)[0].source_id
    return f"owner={theirs.owner.pk}&source={source}"
