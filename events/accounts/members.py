"""Consequences of memberships: the group of leads follows them, and keys end with them.

When a membership ends, the person's keys for the owner are revoked. So are the keys that they created for the
team, unless another lead takes them over.
"""

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save, pre_delete
from django.utils import timezone

from events.access import follow_roles, leads_of
from events.accounts import audit
from events.ownership import senders
from events.ownership.api_key import ApiKey
from events.ownership.owner import Membership

MEMBERSHIP_END = audit.Actor(
    "the end of a membership"
)  # when an account is deleted, or a row in the database


def keys_of(membership: Membership) -> models.QuerySet[ApiKey]:
    """Return the keys that end with a membership: of the owner, and the person's own or created by them.

    A personal key for all owners ends with any membership in the organization.
    """
    owner, person = membership.owner, membership.user_id
    of_person = models.Q(user_id=person) | models.Q(user=None, created_by_id=person)
    of_owner = models.Q(default_owner=owner) | models.Q(
        user_id=person, all_owners=True, organization_id=owner.organization_id
    )
    return ApiKey.objects.filter(of_person, of_owner, revoked_at=None).order_by("pk")


def successors(membership: Membership) -> models.QuerySet[User]:
    """Return the other leads, who may take over keys that the person created for the team."""
    return leads_of([membership.owner]).exclude(pk=membership.user_id)


def may_take_over(key: ApiKey, lead: User, *, by: int | None) -> bool:
    """True if the person with the id `by` may hand a key to a lead. Personal keys stay with their person.

    A key that manages acts for its person, so nobody can make it act for somebody else than themselves.
    """
    return key.user_id is None and (not key.may_manage or lead.pk == by)


@transaction.atomic
def end_keys(
    membership: Membership, *, actor: audit.Actor, now: datetime, handed_to: Mapping[int, User]
) -> int:
    """Revoke the keys that end with a membership, and return their number.

    Keys in `handed_to` go to that lead instead. Other keys of the person lose the owner. Cached
    keys work for up to ten more seconds.
    """
    allowed = {lead.pk for lead in successors(membership)}
    revoked = 0
    for key in keys_of(membership).select_for_update():
        lead = handed_to.get(key.pk)
        if lead is not None and lead.pk in allowed and may_take_over(key, lead, by=actor.user_id):
            key.created_by = lead
            key.save(update_fields=["created_by"])
            audit.record(actor, "key.handed_over", key, owner=key.default_owner, after={"to": str(lead)})
            continue
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        audit.record(actor, "key.revoked", key, owner=key.default_owner, after={"with": str(membership)})
        revoked += 1
    of_person = models.Q(user_id=membership.user_id) | models.Q(user=None, created_by_id=membership.user_id)
    for key in ApiKey.objects.filter(of_person, owners=membership.owner, revoked_at=None):
        if key.pk not in handed_to:
            key.owners.remove(membership.owner)
            after = {"without": str(membership.owner)}
            audit.record(actor, "key.changed", key, owner=key.default_owner, after=after)
    transaction.on_commit(senders.forget)  # this process at once, the others within seconds
    return revoked


def connect_key_revocation() -> None:
    """End the keys of each membership that is deleted."""
    pre_delete.connect(_membership_deleted, sender=Membership, dispatch_uid="keys_end")


def _membership_deleted(*, instance: Membership, **_: object) -> None:
    end_keys(instance, actor=MEMBERSHIP_END, now=timezone.now(), handed_to={})


def connect_lead_group() -> None:
    """Keep the group of leads up to date with memberships."""
    post_save.connect(_membership_changed, sender=Membership, dispatch_uid="lead_saved")
    post_delete.connect(_membership_changed, sender=Membership, dispatch_uid="lead_deleted")


def _membership_changed(*, instance: Membership, **_: object) -> None:
    follow_roles(instance.user_id)
