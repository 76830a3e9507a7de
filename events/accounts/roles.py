"""The group of leads follows memberships."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.signals import post_delete, post_save

from events.ownership import people
from events.ownership.membership import Membership, Role


def connect() -> None:
    """Listen to memberships."""
    post_save.connect(_changed, sender=Membership, dispatch_uid="lead_saved")
    post_delete.connect(_changed, sender=Membership, dispatch_uid="lead_deleted")


def _changed(*, instance: Membership, **_: Any) -> None:
    user = get_user_model()._default_manager.filter(pk=instance.user_id).first()
    if user is not None:  # a person who is being removed takes the memberships along
        leads = Membership.objects.filter(user_id=user.pk, role=Role.LEAD).exists()
        people.follow(user, leads=leads)
