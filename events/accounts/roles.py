"""The group of leads follows memberships."""

from typing import Any

from django.db.models.signals import post_delete, post_save

from events.access import follow_roles
from events.ownership.membership import Membership


def connect() -> None:
    """Listen to memberships."""
    post_save.connect(_changed, sender=Membership, dispatch_uid="lead_saved")
    post_delete.connect(_changed, sender=Membership, dispatch_uid="lead_deleted")


def _changed(*, instance: Membership, **_: Any) -> None:
    follow_roles(instance.user_id)
