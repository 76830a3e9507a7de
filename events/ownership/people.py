"""People: who runs this Tally, and the groups that roles are seen by."""

from typing import Any

from django.contrib.auth.models import Group

OPERATORS = "Platform operator"  # may all that a superuser may in Tally
LEADS = "Team lead"  # those who lead an owner: follows their memberships, grants nothing by itself
_KEPT_AS = "_tally_is_operator"


def is_operator(user: Any) -> bool:
    """Whether a person runs this Tally: a superuser, or one of the group. Asked once of each object."""
    if not getattr(user, "is_active", False) or user.pk is None:
        return False
    if user.is_superuser:
        return True
    known: bool | None = getattr(user, _KEPT_AS, None)
    if known is None:
        known = user.groups.filter(name=OPERATORS).exists()
        setattr(user, _KEPT_AS, known)
    return known


def follow(user: Any, *, leads: bool) -> None:
    """Let the group of leads have a person, or not."""
    group, _ = Group.objects.get_or_create(name=LEADS)
    (group.user_set.add if leads else group.user_set.remove)(user)
