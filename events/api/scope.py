"""Whose events a reader may see."""

from typing import Any

from django.db import models

from events.api.authentication import KeyUser
from events.ownership.owner import Owner


def readable_owners(user: Any) -> models.QuerySet[Owner]:
    """The owners that a key may write for, or a person is a member of; all of them for an operator."""
    if isinstance(user, KeyUser):
        return user.key.readable_owners()
    return Owner.objects.visible_to(user)
