"""Scope: what the person behind a request may see, asked of the database once a request."""

from functools import cached_property
from typing import Any

from django.db import models
from django.http import HttpRequest

from events.ownership.api_key import ApiKey
from events.ownership.membership import Membership, Role
from events.ownership.owner import Owner
from events.ownership.people import is_operator

_KEPT_AS = "tally_scope"


class Scope:
    """The owners that a person sees. An operator sees all of them, and no list bounds a query."""

    def __init__(self, user: Any) -> None:
        self._user = user
        self.is_operator = is_operator(user)

    @cached_property
    def _memberships(self) -> list[Membership]:
        if not self._user.is_active or not self._user.pk:
            return []
        found = Membership.objects.filter(user_id=self._user.pk)
        return list(found.select_related("owner__organization").order_by("owner__name"))

    @cached_property
    def owners(self) -> list[Owner]:
        """The owners, by name, each with its organization."""
        if self.is_operator:
            return list(Owner.objects.select_related("organization"))
        return [membership.owner for membership in self._memberships]

    @cached_property
    def owner_ids(self) -> frozenset[int]:
        """The keys of the owners."""
        return frozenset(owner.pk for owner in self.owners)

    @cached_property
    def _organizations(self) -> dict[int, str]:
        return {owner.organization_id: owner.organization.name for owner in self.owners}

    @cached_property
    def owner_labels(self) -> dict[int, str]:
        """What the owners are called on pages, by key."""
        return {owner.pk: self.told_apart(owner) for owner in self.owners}

    def told_apart(self, row: Any) -> str:
        """The name of an owner or a source, with its organization where the person sees several."""
        return self.label_of(row.name, row.organization_id)

    def label_of(self, name: str, organization_id: int) -> str:
        """The same, of a name and the key of its organization."""
        organization = self._organizations.get(organization_id, "")
        return f"{name} · {organization}" if organization and len(self._organizations) > 1 else name

    @property
    def is_empty(self) -> bool:
        """Whether the person is a member of nothing."""
        return not self.is_operator and not self._memberships

    def has(self, owner_id: int | None) -> bool:
        """Whether the person sees that owner."""
        return self.is_operator or owner_id in self.owner_ids

    def is_person(self, user_id: int | None) -> bool:
        """Whether it is the key of that person; nobody's is nobody's."""
        return user_id is not None and user_id == self._user.pk

    def leads(self, owner_id: int | None) -> bool:
        """Whether the person manages that owner's keys and settings."""
        return self.is_operator or any(
            membership.owner_id == owner_id and membership.role == Role.LEAD
            for membership in self._memberships
        )

    @property
    def leads_any(self) -> bool:
        """Whether the person manages any owner's keys and settings."""
        return self.is_operator or any(membership.role == Role.LEAD for membership in self._memberships)

    @property
    def led(self) -> models.QuerySet[Owner]:
        """The owners whose keys and settings the person manages."""
        if self.is_operator:
            return Owner.objects.all()
        return Owner.objects.filter(pk__in=[o.pk for o in self.owners if self.leads(o.pk)])

    def could_make(self, key: ApiKey) -> bool:
        """True if the person may make a key with the rights of `key`, and so learn the text of one, or let it
        live longer. Everybody else who manages it may only shorten or revoke it.
        """
        if self.is_operator:
            return True
        is_theirs = key.user_id is None or self.is_person(key.user_id)
        owners = [key.default_owner_id, *key.owners.values_list("pk", flat=True)]
        return is_theirs and not key.all_owners and all(self.leads(owner) for owner in owners)

    def limit(self, rows: models.QuerySet[Any], path: str = "owner_id") -> models.QuerySet[Any]:
        """Those rows whose owner, at `path`, the person sees. By a list: a subquery would hide it from the
        planner, which then leaves the index.
        """
        return rows if self.is_operator else rows.filter(**{f"{path}__in": sorted(self.owner_ids)})


def scope_of(request: HttpRequest) -> Scope:
    """The scope of a request, the same object each time."""
    scope = getattr(request, _KEPT_AS, None)
    if scope is None:
        scope = Scope(request.user)
        setattr(request, _KEPT_AS, scope)
    return scope
