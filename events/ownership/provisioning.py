"""Provisioning: creates keys, with their organizations and owners if these are missing."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from events.ownership.api_key import ApiKey, KeyType, Permission, create_key
from events.ownership.owner import Organization, Owner, Validation

ALL = "all"


class Provisioned(NamedTuple):
    """A key with its text, which is shown once."""

    key: ApiKey
    text: str


def organization(slug: str) -> Organization:
    """Return the organization, created if it is missing. Raises ValidationError for an invalid slug."""
    if slugify(slug) != slug:
        raise ValidationError(
            "An organization's slug may only contain lowercase letters, digits, hyphens and underscores."
        )
    found, _ = Organization.objects.get_or_create(
        slug=slug, defaults={"name": slug.replace("-", " ").capitalize()}
    )
    return found


def owner(of: Organization, name: str) -> Owner:
    """Return the owner, created if it is missing. Names are compared without case and outer spaces."""
    name = name.strip()
    found = Owner.objects.filter(organization=of).named(name).first()
    if found is None:
        found = Owner(organization=of, name=name)
        found.full_clean(validate_constraints=False)
        found.save()
    return found


def replace(old: ApiKey, *, by: int | None, ends_at: datetime) -> Provisioned:
    """Create a key of person `by` with the rights of `old`, which ends at `ends_at` or earlier."""
    new, text = create_key(
        old.default_owner,
        kind=KeyType(old.type),
        permissions=old.permissions,
        all_owners=old.all_owners,
        name=old.name,
        created_by=by,
    )
    new.user, new.expires_at = old.user, old.expires_at
    new.save(update_fields=["user", "expires_at"])
    new.owners.set(old.owners.all())
    if old.expires_at is None or old.expires_at > ends_at:
        old.expires_at = ends_at
        old.save(update_fields=["expires_at"])
    return Provisioned(new, text)


def key(
    *,
    organization_slug: str,
    owner_name: str,
    kind: KeyType = KeyType.PUBLISHABLE,
    permissions: Collection[Permission] | None = None,
    owners: str = "",
    validation: Validation | None = None,
    name: str = "",
    created_by: int | None = None,
) -> Provisioned:
    """Create a key for an owner, which is created if it is missing.

    `owners` is `all` (every owner of the organization, may create owners) or a comma-separated list of names.
    `validation` sets the owner's mode, `created_by` is the key of a person. Raises ValidationError for an
    invalid name or combination of permissions.
    """
    home = organization(organization_slug)
    default = owner(home, owner_name)
    if validation is not None:
        default.validation = validation
        default.save(update_fields=["validation"])
    made, text = create_key(
        default,
        kind=kind,
        permissions=permissions,
        all_owners=owners == ALL,
        name=name,
        created_by=created_by,
    )
    if owners and owners != ALL:
        made.owners.set(owner(home, each) for each in owners.split(",") if each.strip())
    return Provisioned(made, text)
