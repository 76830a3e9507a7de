"""Whose events a reader may see."""

from typing import Any

from django.db import models

from events.api.authentication import KeyUser
from events.ownership.owner import Owner
from events.ownership.source import Source


def readable_owners(user: Any) -> models.QuerySet[Owner]:
    """The owners that a key may write for, or a person is a member of; all of them for an operator."""
    if isinstance(user, KeyUser):
        return user.key.readable_owners()
    return Owner.objects.visible_to(user)


def readable_keys(user: Any) -> list[int]:
    """The keys of those owners: a list, since a subquery would keep the planner from indexes."""
    return list(readable_owners(user).values_list("pk", flat=True))


def owner_keys(user: Any, name: str) -> list[int]:
    """The keys of the reader's owners of that name. Rows are filtered by keys: a join can cost an index."""
    owners = Owner.objects.filter(pk__in=readable_owners(user).values("pk"))
    return list(owners.named(name).values_list("pk", flat=True))


def source_keys(user: Any, name: str) -> list[int]:
    """The keys of the sources of that name in the organizations of the reader's owners."""
    sources = Source.objects.filter(
        organization__in=readable_owners(user).values("organization"), name__iexact=name.strip()
    )
    return list(sources.values_list("pk", flat=True))
