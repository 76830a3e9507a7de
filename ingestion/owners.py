"""Whom a message belongs to: only Availity's messages name an owner; the key says whether they may."""

import time

from django.conf import settings
from django.db import IntegrityError, transaction

from events.ownership.names import fault_of
from events.ownership.owner import Owner, Validation
from events.ownership.senders import Sender
from ingestion.refusal import Refused

TTL_SECONDS = 10.0
MAX_CACHED = 10_000
_cache: dict[tuple[int, str], tuple[float, int, bool]] = {}


def resolve(sender: Sender, name: str, contact: str) -> tuple[int, bool]:
    """The id of the owner that a message names, and whether its validation is strict.

    An owner not seen before is created where the key may write for all owners. Raises `Refused`: 400 for a
    name that can't be one, 403 where the key may not write for it.
    """
    if not name:
        return sender.owner_id, sender.strict
    if fault := fault_of(name):
        raise Refused(400, "bad_name", f"owner {fault}.", path="owner")
    place = (sender.organization_id, name.strip())
    cached = _cache.get(place)
    if cached is None or cached[0] <= time.monotonic():
        owner = _find(place) or _create(sender, name, contact)
        cached = (time.monotonic() + TTL_SECONDS, owner.pk, owner.validation == Validation.STRICT)
        if len(_cache) >= MAX_CACHED:
            _cache.clear()
        _cache[place] = cached
    _, owner_id, strict = cached
    if not sender.all_owners and owner_id not in sender.owners:
        raise _forbidden(name)
    return owner_id, strict


def forget() -> None:
    """Empty the cache, for tests."""
    _cache.clear()


def _find(place: tuple[int, str]) -> Owner | None:
    organization_id, name = place
    return Owner.objects.filter(organization_id=organization_id, name__iexact=name).first()


def _create(sender: Sender, name: str, contact: str) -> Owner:
    if not sender.all_owners:
        raise _forbidden(name)
    if Owner.objects.filter(organization_id=sender.organization_id).count() >= settings.MAX_OWNERS:
        raise Refused(
            403,
            "too_many_owners",
            f"The organization has {settings.MAX_OWNERS:,} owners, as many as messages may create.",
            path="owner",
        )
    try:
        with transaction.atomic():
            return Owner.objects.create(
                organization_id=sender.organization_id, name=name.strip(), contact=contact[:512]
            )
    except IntegrityError:
        # Another request created it in the same moment.
        owner = _find((sender.organization_id, name.strip()))
        if owner is None:
            raise
        return owner


def _forbidden(name: str) -> Refused:
    return Refused(
        403,
        "owner_not_allowed",
        f"This API key may not write for owner {name!r:.110}; ask its organization to allow it.",
        path="owner",
    )
