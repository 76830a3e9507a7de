"""Whom a message belongs to: only Availity's messages name an owner; the key says whether they may."""

import time
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction

from events.ownership.owner import Owner, Validation, fault_of
from events.ownership.senders import Sender
from ingestion.dialects.refusal import Refused

TTL_SECONDS = 10.0
MAX_CACHED = 10_000
_ADVISORY_LOCK = 748_025_504  # with the organization. Any constant does, it must only be ours.


class Place(NamedTuple):
    """Where a request's events go."""

    owner_id: int
    strict: bool


_cache: dict[tuple[int, str], tuple[float, Place]] = {}


def find(sender: Sender, name: str) -> Place | None:
    """The owner that a message names; None for one not seen before that the key may create.

    A message without a usable name goes to the key's own owner. Raises `Refused` (403) where the key may not
    write for the owner.
    """
    if not name or fault_of(name):
        return Place(sender.owner_id, sender.strict)
    key = (sender.organization_id, name.strip())
    expires, place = _cache.get(key, (0.0, None))
    if place is None or expires <= time.monotonic():
        owner = _stored(key)
        if owner is None:
            if not sender.all_owners:
                raise _forbidden(name)
            return None
        place = _remember(key, owner)
    if not sender.may_write_for(place.owner_id):
        raise _forbidden(name)
    return place


def create(sender: Sender, name: str, contact: str) -> Place:
    """Create the owner that an accepted message names. Raises `Refused` (403) where there are too many."""
    key = (sender.organization_id, name.strip())
    with transaction.atomic():
        _lock(key[0])
        # Another request may have created it in the same moment.
        owner = _stored(key) or _create(key, contact)
    return _remember(key, owner)


def _lock(organization_id: int) -> None:
    """Let no other message create owners of an organization until this transaction ends: its cap is exact."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_ADVISORY_LOCK, organization_id])


def _create(key: tuple[int, str], contact: str) -> Owner:
    organization_id, name = key
    if Owner.objects.filter(organization_id=organization_id).count() >= settings.MAX_OWNERS:
        raise Refused(
            403,
            "too_many_owners",
            f"The organization has {settings.MAX_OWNERS:,} owners, as many as messages may create.",
            path="owner",
        )
    owner = Owner(organization_id=organization_id, name=name, contact=_address(contact))
    try:
        with transaction.atomic():
            owner.save(force_insert=True)
    except IntegrityError:
        # A person made it in the same moment: pages don't take the lock.
        return Owner.objects.filter(organization_id=organization_id).named(name).get()
    return owner


def _remember(key: tuple[int, str], owner: Owner) -> Place:
    place = Place(owner.pk, owner.validation == Validation.STRICT)
    if len(_cache) >= MAX_CACHED:
        _cache.clear()
    _cache[key] = (time.monotonic() + TTL_SECONDS, place)
    return place


def _address(contact: str) -> str:
    """The contact where it is an e-mail address; anything else is only in the event."""
    try:
        validate_email(contact)
    except ValidationError:
        return ""
    return contact if len(contact) <= 512 else ""


def forget() -> None:
    """Empty the cache, for tests."""
    _cache.clear()


def _stored(key: tuple[int, str]) -> Owner | None:
    organization_id, name = key
    return Owner.objects.filter(organization_id=organization_id).named(name).first()


def _forbidden(name: str) -> Refused:
    return Refused(
        403,
        "owner_not_allowed",
        f"This API key may not write for owner {name!r:.110}; ask its organization to allow it.",
        path="owner",
    )
