"""Access: which owners, and which sources, a person or an API key may see, write and administer.

| who | sees | writes (replays, discards) | administers |
|---|---|---|---|
| operator | every owner | every owner | every owner |
| lead | owners they are a member of | owners they lead | owners they lead |
| viewer | owners they are a member of | - | - |
| webhook of an owner | that owner | - | - |
| key with the read permission | its owners | its owners, with the write permission too | - |
| key with the manage permission | - | - | its owners that its person administers |

On the hot path of ingestion, `ownership.senders.Sender` decides which owners a key may write for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Self, TypeVar

from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events.ownership.api_key import ApiKey
from events.ownership.owner import Membership, Organization, Owner, OwnerQuerySet, Role
from events.ownership.source import Source
from events.store.sources import has_stored_events
from events.store.usage import UsageHour

OPERATORS = "Platform operator"  # may do everything that a superuser may in Tally
LEADS = "Team lead"  # people who lead an owner: follows their memberships, grants no permissions
SOURCES_FROM_DAYS = 91  # sources that have sent nothing for longer aren't offered to members
_KEPT_AS = "tally_access"
_OPERATOR_AS = "_tally_is_operator"


Person = User | AnonymousUser  # `KeyUser` is an anonymous one
Row = TypeVar("Row", bound=models.Model)


class KeyUser(AnonymousUser):
    """The user of a request that an API key authenticates."""

    is_authenticated = True  # type: ignore[assignment]  # of an anonymous user

    def __init__(self, key: ApiKey) -> None:
        super().__init__()
        self.key = key

    def __str__(self) -> str:
        return str(self.key)


def is_operator(user: Person) -> bool:
    """True if a person is an operator: a superuser, or in the group. Read once per object."""
    if not getattr(user, "is_active", False) or user.pk is None:
        return False
    if user.is_superuser:
        return True
    known: bool | None = getattr(user, _OPERATOR_AS, None)
    if known is None:
        known = user.groups.filter(name=OPERATORS).exists()
        setattr(user, _OPERATOR_AS, known)
    return known


class Access:
    """The access of one person or key. Operators see all owners; their queries aren't limited by a list."""

    def __init__(self, user: Person | None, owner: Owner | None = None) -> None:
        self.user: Person = AnonymousUser() if user is None else user
        self._owner = owner
        self._key: ApiKey | None = user.key if isinstance(user, KeyUser) else None
        self.is_operator = is_operator(self.user)

    @classmethod
    def of_key(cls, key: ApiKey | None) -> Self:
        """Return the current access of a key; none if it was revoked, has expired or was deleted."""
        usable = ApiKey.objects.usable().filter(pk=key.pk).first() if key else None
        return cls(KeyUser(usable) if usable else AnonymousUser())

    @classmethod
    def of_owner(cls, owner: Owner) -> Self:
        """Return the access of something that acts for one owner, such as a webhook."""
        return cls(None, owner)

    @cached_property
    def _memberships(self) -> list[Membership]:
        if not getattr(self.user, "is_active", False) or not self.user.pk:
            return []
        found = Membership.objects.filter(user_id=self.user.pk)
        return list(found.select_related("owner__organization").order_by("owner__name"))

    @property
    def visible_owners(self) -> OwnerQuerySet:
        """The visible owners, as a query."""
        if self.is_operator:
            return Owner.objects.all()
        if self._owner is not None:
            return Owner.objects.filter(pk=self._owner.pk)
        if self._key is not None:
            return self._owners_of_key(self._key)
        if not getattr(self.user, "is_active", False) or self.user.pk is None:
            return Owner.objects.none()
        return Owner.objects.filter(memberships__user_id=self.user.pk)

    @staticmethod
    def _owners_of_key(key: ApiKey) -> OwnerQuerySet:
        return Access._named_in(key) if key.may_read else Owner.objects.none()

    @staticmethod
    def _named_in(key: ApiKey) -> OwnerQuerySet:
        of_key = Owner.objects.filter(organization_id=key.organization_id)
        if key.all_owners:
            return of_key
        named = models.Q(pk=key.default_owner_id) | models.Q(keys=key)
        return of_key.filter(named).distinct()

    @cached_property
    def owners(self) -> list[Owner]:
        """The visible owners by name, each with its organization."""
        if self.is_operator or self._key is not None or self._owner is not None:
            return list(self.visible_owners.select_related("organization"))
        return [membership.owner for membership in self._memberships]

    @cached_property
    def owner_ids(self) -> frozenset[int]:
        """The ids of the visible owners."""
        return frozenset(owner.pk for owner in self.owners)

    @property
    def is_empty(self) -> bool:
        """True if no owner is visible."""
        return not self.is_operator and not self.owners

    def has(self, owner_id: int | None) -> bool:
        """True if the owner is visible."""
        return self.is_operator or owner_id in self.owner_ids

    def owners_named(self, name: str) -> list[int]:
        """Return the ids of visible owners with a name.

        Rows are filtered by ids, since a join can lose an index.
        """
        return list(self.visible_owners.named(name).values_list("pk", flat=True))

    def sources_named(self, name: str) -> list[int]:
        """Return the ids of visible sources with a name, and of those merged into them."""
        named = models.Q(name__iexact=name.strip()) | models.Q(merged_into__name__iexact=name.strip())
        sources = Source.objects.filter(named, organization__in=self.visible_owners.values("organization"))
        return list(sources.values_list("pk", flat=True))

    @property
    def visible_sources(self) -> models.QuerySet[Source]:
        """The sources that the person may see by name: those of all events that their owners received."""
        sources = Source.objects.filter(closed_at=None)
        return sources if self.is_operator else sources.filter(pk__in=self._usage.values("source_id"))

    @property
    def listed_sources(self) -> models.QuerySet[Source]:
        """The sources that lists offer: those of stored events. Rejected events can name anything."""
        if self.is_operator:
            return self.visible_sources.filter(has_stored_events())
        return self.visible_sources.filter(pk__in=self._usage.filter(stored__gt=0).values("source_id"))

    @property
    def _usage(self) -> models.QuerySet[UsageHour]:
        since = timezone.now() - timedelta(days=SOURCES_FROM_DAYS)
        return UsageHour.objects.filter(owner_id__in=sorted(self.owner_ids), hour__gte=since)

    def limit(self, rows: models.QuerySet[Row], path: str = "owner_id") -> models.QuerySet[Row]:
        """Return only the rows whose owner, at `path`, is visible.

        The ids are a list, since with a subquery the planner doesn't use the index.
        """
        return rows if self.is_operator else rows.filter(**{f"{path}__in": sorted(self.owner_ids)})

    def limit_led(self, rows: models.QuerySet[Row], path: str = "owner_id") -> models.QuerySet[Row]:
        """Return only the rows whose owner, at `path`, the person leads."""
        return rows if self.is_operator else rows.filter(**{f"{path}__in": sorted(self._led_ids)})

    @cached_property
    def _led_ids(self) -> frozenset[int]:
        if self._key is None:
            return frozenset(each.owner_id for each in self._memberships if each.role == Role.LEAD)
        person = self._represented
        named = self._named_in(self._key).values_list("pk", flat=True) if person else ()
        return frozenset(pk for pk in named if person and person.leads(pk))

    @cached_property
    def _represented(self) -> "Access | None":
        """The access of the person for whom a key manages; None for people and other keys."""
        if self._key is None or not self._key.may_manage or self._key.person is None:
            return None
        return Access(self._key.person)

    @property
    def person(self) -> User | None:
        """The person who acts: who is logged in, or for whom a key manages."""
        if self._represented is not None:
            return self._represented.person
        return self.user if isinstance(self.user, User) else None

    @property
    def manages_as_operator(self) -> bool:
        """True for operators, and for keys that manage for one, which still see their own owners only."""
        return self.is_operator or (self._represented is not None and self._represented.is_operator)

    @property
    def home(self) -> Organization | None:
        """The organization in which owners may be created; None for people, who choose, and for others.

        A key must be for all owners, or it couldn't administer the new one, and act for an operator.
        """
        is_wide = self._key is not None and self._key.all_owners
        return self._key.organization if self._key and is_wide and self.manages_as_operator else None

    @property
    def ends_at(self) -> datetime | None:
        """When the access ends by itself: when the key expires. None for people, and without an end."""
        return self._key.expires_at if self._key is not None else None

    def leads(self, owner_id: int | None) -> bool:
        """True if the person manages the owner's members, keys and settings."""
        return self.is_operator or owner_id in self._led_ids

    @property
    def leads_any(self) -> bool:
        """True if the person manages any owner's members, keys and settings."""
        return self.is_operator or bool(self._led_ids)

    @property
    def led(self) -> OwnerQuerySet:
        """The owners whose members, keys and settings the person manages."""
        return Owner.objects.all() if self.is_operator else Owner.objects.filter(pk__in=sorted(self._led_ids))

    @property
    def known_owners(self) -> OwnerQuerySet:
        """The owners whose settings are visible, also to a key that manages but sees no events."""
        is_blind = self._represented is not None and self._key is not None and not self._key.may_read
        return self.led if is_blind else self.visible_owners

    @property
    def writable(self) -> frozenset[int] | None:
        """The owners whose rejected events may be replayed and discarded; None for all of them."""
        if self.is_operator:
            return None
        if self._key is None:
            return self._led_ids
        return self.owner_ids if self._key.may_write else frozenset()

    def is_person(self, user_id: int | None) -> bool:
        """True if this is the person's own id; False for None."""
        return user_id is not None and self.person is not None and user_id == self.person.pk

    def could_make(self, key: ApiKey) -> bool:
        """True if the person may create a key with the rights of `key`, and so may rotate or extend it.
        Other people who manage it may only shorten or revoke it.
        """
        if self.is_operator:
            return True
        is_theirs = key.user_id is None or self.is_person(key.user_id)
        owners = [key.default_owner_id, *key.owners.values_list("pk", flat=True)]
        return is_theirs and not key.all_owners and all(self.leads(owner) for owner in owners)

    def could_act_as(self, person: User | None) -> bool:
        """True if the person may extend keys that manage for `person`: their own, and operators all."""
        return self.is_operator or (person is not None and self.is_person(person.pk))

    @cached_property
    def _organizations(self) -> dict[int, str]:
        return {owner.organization_id: owner.organization.name for owner in self.owners}

    @cached_property
    def owner_labels(self) -> dict[int, str]:
        """The names of the visible owners on pages, by id."""
        return {owner.pk: self.label(owner) for owner in self.owners}

    def label(self, row: Owner | Source) -> str:
        """Return the name of an owner or source, with its organization if the person sees several."""
        return self.label_of(row.name, row.organization_id)

    def label_of(self, name: str, organization_id: int) -> str:
        """Return a name with its organization if the person sees several."""
        organization = self._organizations.get(organization_id, "")
        return f"{name} · {organization}" if organization and len(self._organizations) > 1 else name


def person_of(request: HttpRequest) -> User:
    """Return the person who is logged in."""
    assert request.user.is_authenticated
    return request.user


def access_of(request: HttpRequest) -> Access:
    """Return the access of a request's user, the same object each time."""
    access: Access | None = getattr(request, _KEPT_AS, None)
    if access is None or access.user is not request.user:  # the REST framework has its own authentication
        access = Access(request.user)
        setattr(request, _KEPT_AS, access)
    return access


def labels_of(rows: Sequence[Owner] | Sequence[Source]) -> list[str]:
    """Return the names of owners or sources, with their organizations if there are several."""
    has_several = len({row.organization_id for row in rows}) > 1
    return [f"{row.name} · {row.organization}" if has_several else row.name for row in rows]


def leads_of(owners: models.QuerySet[Owner] | list[Owner]) -> models.QuerySet[User]:
    """Return the active people who lead one of these owners, by name."""
    led = Membership.objects.filter(owner__in=owners, role=Role.LEAD)
    return User.objects.filter(is_active=True, pk__in=led.values("user_id")).order_by("username")


def is_last_lead(membership: Membership) -> bool:
    """True if the owner would have no lead without this member.

    Locks the owner for the transaction, so that of two leads who leave at once one stays.
    """
    if membership.role != Role.LEAD:
        return False
    owner = Owner.objects.select_for_update().get(pk=membership.owner_id)
    return not leads_of([owner]).exclude(pk=membership.user_id).exists()


def role_of(user: User) -> str:
    """Return a person's highest role. Reads the groups, which lists prefetch."""
    groups = {group.name for group in user.groups.all()}
    if user.is_superuser or OPERATORS in groups:
        return "operator"
    return "lead" if LEADS in groups else "viewer"


def follow_roles(user_id: int) -> None:
    """Add a person to the group of leads, or remove them, by their memberships."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:  # the person is being deleted, with the memberships
        return
    group, _ = Group.objects.get_or_create(name=LEADS)
    leads = Membership.objects.filter(user=user, role=Role.LEAD).exists()
    (group.user_set.add if leads else group.user_set.remove)(user)
