"""Admission: whether a sender may put these events into the inbox, and for which owner.

The owner is the API key's, or the one that a message names (only Availity's messages do) if the key may write
for it. An owner has a monthly quota of events, and limits for its bytes in the inbox and for the bytes of its
rejected events. A request over the limit of the inbox is refused before its events are validated; at the
limit of rejected events, a request is refused if one of its events would be rejected. So no acknowledged
event is dropped, and no sender fills the disk.

Each process remembers what it read for a few seconds and adds what it accepts itself. An owner can exceed a
limit by what other processes accept within that time, and by one request. A changed limit takes effect within
the same time.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction

from events.ownership.owner import OverQuota, Owner, Validation, fault_of
from events.ownership.senders import Sender
from ingestion.dialects.decoding import Refused

OWNER_TTL_SECONDS = 10.0
QUOTA_TTL_SECONDS = 10.0
SPACE_TTL_SECONDS = 5.0
MAX_CACHED = 10_000  # entries of each cache
OVERHEAD = 1_024  # bytes counted for each row besides its body, so that the number of rows is limited too
_ADVISORY_LOCK = 748_025_504  # with the organization; an arbitrary constant of our own


def forget() -> None:
    """Empty the caches, for tests."""
    _owners.clear()
    _quotas.clear()
    _spaces.clear()


# Owners


class RequestOwner(NamedTuple):
    """The owner of a request's events."""

    owner_id: int
    strict: bool


_owners: dict[tuple[int, str], tuple[float, RequestOwner]] = {}


def find_owner(sender: Sender, name: str) -> RequestOwner | None:
    """Return the owner that a message names; None if it doesn't exist and the key may create it.

    A message without a usable name goes to the key's own owner. Raises `Refused` (403) if the key may not
    write for the owner.
    """
    if not name or fault_of(name):
        return RequestOwner(sender.owner_id, sender.strict)
    key = (sender.organization_id, name.strip())
    expires, found = _owners.get(key, (0.0, None))
    if found is None or expires <= time.monotonic():
        owner = _stored_owner(key)
        if owner is None:
            if not sender.all_owners:
                raise _not_allowed(name)
            return None
        found = _remember_owner(key, owner)
    if not sender.may_write_for(found.owner_id):
        raise _not_allowed(name)
    return found


def create_owner(sender: Sender, name: str, contact: str) -> RequestOwner:
    """Create the owner that an accepted message names. Raises `Refused` (403) if there are too many."""
    key = (sender.organization_id, name.strip())
    with transaction.atomic():
        with connection.cursor() as cursor:
            # One at a time for each organization, so that its number of owners is exact.
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_ADVISORY_LOCK, key[0]])
        # Another request may have created it a moment ago.
        owner = _stored_owner(key) or _create_owner(key, contact)
    return _remember_owner(key, owner)


def _create_owner(key: tuple[int, str], contact: str) -> Owner:
    organization_id, name = key
    if Owner.objects.filter(organization_id=organization_id).count() >= settings.MAX_OWNERS:
        raise Refused(
            403,
            "too_many_owners",
            f"The organization already has {settings.MAX_OWNERS:,} owners, the maximum that messages may"
            f" create.",
            path="owner",
        )
    owner = Owner(organization_id=organization_id, name=name, contact=_email(contact))
    try:
        with transaction.atomic():
            owner.save(force_insert=True)
    except IntegrityError:
        # A person created it at the same moment: admin pages don't take the lock.
        return Owner.objects.filter(organization_id=organization_id).named(name).get()
    return owner


def _remember_owner(key: tuple[int, str], owner: Owner) -> RequestOwner:
    found = RequestOwner(owner.pk, owner.validation == Validation.STRICT)
    if len(_owners) >= MAX_CACHED:
        _owners.clear()
    _owners[key] = (time.monotonic() + OWNER_TTL_SECONDS, found)
    return found


def _email(contact: str) -> str:
    """Return the contact if it is an e-mail address; anything else is only in the event."""
    try:
        validate_email(contact)
    except ValidationError:
        return ""
    return contact if len(contact) <= 512 else ""


def _stored_owner(key: tuple[int, str]) -> Owner | None:
    organization_id, name = key
    return Owner.objects.filter(organization_id=organization_id).named(name).first()


def _not_allowed(name: str) -> Refused:
    return Refused(
        403,
        "owner_not_allowed",
        f"This API key may not write for owner {name!r:.110}; ask its organization to allow it.",
        path="owner",
    )


# Space: bytes in the inbox, and bytes of rejected events


@dataclass(slots=True)
class _Space:
    """The bytes that an owner uses, and their limits."""

    waiting: int
    max_waiting: int
    rejected: int
    max_rejected: int
    expires: float  # monotonic seconds


_spaces: dict[int, _Space] = {}

# The inbox is read by its index on owners; the limit bounds the number of rows.
_SPACE = """
SELECT coalesce((SELECT sum(octet_length(body) + %(overhead)s) FROM ingestion_inboxrequest
                 WHERE owner_id = owner.id), 0),
       coalesce(max_waiting_bytes, %(waiting)s),
       coalesce((SELECT bytes FROM ingestion_rejectedsize WHERE owner_id = owner.id), 0),
       coalesce(max_rejected_bytes, %(rejected)s)
FROM events_owner owner WHERE id = %(owner)s
"""


def check_inbox_space(owner_id: int, size: int) -> None:
    """Raise `Refused` (429) if a body doesn't fit into the inbox because too much of its owner waits."""
    space = _space(owner_id)
    if space.waiting + size + OVERHEAD > space.max_waiting:
        raise Refused(
            429,
            "inbox_full",
            f"{space.waiting:,} bytes of the owner are waiting to be filed; the limit is"
            f" {space.max_waiting:,}.",
            headers={"Retry-After": "10"},
        )


def use_inbox_space(owner_id: int, size: int) -> None:
    """Count a body that was put into the inbox."""
    _space(owner_id).waiting += size + OVERHEAD


def use_rejected_space(owner_id: int, size: int) -> None:
    """Count bytes that are about to be rejected. Raises `Refused` (429) if they are too many."""
    space = _space(owner_id)
    if space.rejected + size > space.max_rejected:
        raise Refused(
            429,
            "rejected_full",
            f"The owner's rejected events take up {space.rejected:,} bytes; the limit is"
            f" {space.max_rejected:,}. Events of this request would be rejected too.",
            headers={"Retry-After": "3600"},
        )
    space.rejected += size


def _space(owner_id: int) -> _Space:
    space = _spaces.get(owner_id)
    if space is None or space.expires <= time.monotonic():
        space = _load_space(owner_id)
        if len(_spaces) >= MAX_CACHED:
            _spaces.clear()
        _spaces[owner_id] = space
    return space


def _load_space(owner_id: int) -> _Space:
    waiting, rejected = settings.OWNER_MAX_WAITING_BYTES, settings.OWNER_MAX_REJECTED_BYTES
    parameters = {"owner": owner_id, "overhead": OVERHEAD, "waiting": waiting, "rejected": rejected}
    with connection.cursor() as cursor:
        cursor.execute(_SPACE, parameters)
        found = cursor.fetchone() or (0, waiting, 0, rejected)
    used, max_waiting, used_rejected, max_rejected = map(int, found)
    return _Space(used, max_waiting, used_rejected, max_rejected, time.monotonic() + SPACE_TTL_SECONDS)


# Quotas: events of a calendar month (UTC). What was stored of the month's receipts counts, and what waits in
# the inbox. Duplicates and rejected events count only while they wait.


@dataclass(slots=True)
class _Quota:
    """The quota of an owner in a month, and how much of it is used."""

    quota: int | None
    over: str
    used: int
    month: datetime
    expires: float  # monotonic seconds


_quotas: dict[int, _Quota] = {}

# An owner without a quota is not counted. The index of usage begins with owner and hour. What waits is read
# as a whole, without bodies; it is little unless the drain is behind.
_QUOTA = """
SELECT monthly_quota, over_quota, CASE WHEN monthly_quota IS NULL THEN 0 ELSE
    (SELECT coalesce(sum(stored), 0) FROM events_usagehour
     WHERE owner_id = owner.id AND hour >= %(begin)s AND hour < %(end)s)
    + (SELECT coalesce(sum(events), 0) FROM ingestion_inboxrequest
       WHERE owner_id = owner.id AND received_at >= %(begin)s AND received_at < %(end)s) END
FROM events_owner owner WHERE id = %(owner)s
"""


def spend_quota(owner_id: int, events: int, now: datetime) -> str | None:
    """Count events that are about to be accepted; return the owner's setting if its quota was used up before.

    The request that crosses the quota is accepted whole. Raises `Refused` (429) if the setting is to refuse.
    """
    month = month_of(now)
    quota = _quotas.get(owner_id)
    if quota is None or quota.expires <= time.monotonic() or quota.month != month:
        quota = _load_quota(owner_id, month)
        if len(_quotas) >= MAX_CACHED:
            _quotas.clear()
        _quotas[owner_id] = quota
    if quota.quota is None:
        return None
    if quota.used < quota.quota:
        quota.used += events
        return None
    if quota.over == OverQuota.REFUSE:
        raise _quota_exceeded(quota.quota, now)
    return quota.over


def month_of(moment: datetime) -> datetime:
    """Return the beginning of the calendar month of a moment, UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(month: datetime) -> datetime:
    """Return the beginning of the next month."""
    return (month + timedelta(days=31)).replace(day=1)


def _load_quota(owner_id: int, month: datetime) -> _Quota:
    with connection.cursor() as cursor:
        cursor.execute(_QUOTA, {"owner": owner_id, "begin": month, "end": month_after(month)})
        quota, over, used = cursor.fetchone() or (None, OverQuota.WARN, 0)
    return _Quota(quota, over, int(used), month, time.monotonic() + QUOTA_TTL_SECONDS)


def _quota_exceeded(quota: int, now: datetime) -> Refused:
    end = month_after(month_of(now))
    wait = str(int((end - now).total_seconds()) + 1)
    return Refused(
        429,
        "quota_exceeded",
        f"The owner has used up its {quota:,} events of the month that ends at {end:%Y-%m-%dT%H:%MZ}.",
        headers={
            "Retry-After": wait,
            "RateLimit-Limit": str(quota),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": wait,
        },
    )
