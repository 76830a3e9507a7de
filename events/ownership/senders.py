"""Senders: API keys looked up by their text, cached in the process for a few seconds, and their last use."""

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from django.db import connection
from django.utils import timezone

from events.ownership.api_key import ApiKey, KeyType, hash_of, parts_of
from events.ownership.owner import Validation

TTL_SECONDS = 10.0  # a revoked key is refused within this time everywhere
MAX_CACHED = 10_000  # only valid keys are cached, so strangers can't fill it


@dataclass(frozen=True, slots=True)
class Sender:
    """The rights of a valid key."""

    key_id: int
    hash: str
    type: str
    may_write: bool
    may_read: bool
    may_manage: bool
    organization_id: int
    tenant: str  # the organization's slug
    owner_id: int  # the default owner
    strict: bool  # the default owner's validation
    all_owners: bool
    owners: frozenset[int]  # ids of the owners it may write for, the default one among them
    user: str  # the person of a personal key, or "" without one
    expires: float  # seconds since 1970; infinity for never

    def may_write_for(self, owner_id: int) -> bool:
        """True if the key may write for an owner of its organization."""
        return self.all_owners or owner_id in self.owners


_cache: dict[str, tuple[float, Sender]] = {}
_cache_lock = Lock()


def find(whole: str) -> Sender | None:
    """Return the sender of a key, from the cache or the database; None for an invalid key."""
    parts = parts_of(whole)
    if parts is None:
        return None
    now = time.monotonic()
    cached = _cache.get(parts.prefix)
    sender = cached[1] if cached and cached[0] > now else None
    if sender is None:
        # Unknown prefixes aren't cached, because strangers could fill the memory.
        sender = _load(parts.prefix)
        if sender is None:
            return None
    if not hmac.compare_digest(sender.hash, hash_of(whole)) or sender.expires <= time.time():
        return None
    if cached is None or cached[1] is not sender:
        with _cache_lock:
            if len(_cache) >= MAX_CACHED:
                _cache.clear()
            _cache[parts.prefix] = (now + TTL_SECONDS, sender)
    return sender


def note_exposed(sender: Sender) -> None:
    """Record that a secret key was visible to others. Publishable keys may be visible."""
    if sender.type == KeyType.SECRET:
        ApiKey.objects.filter(pk=sender.key_id, exposed_at=None).update(exposed_at=timezone.now())


def forget() -> None:
    """Clear the cache, for tests and after a key was changed in this process."""
    with _cache_lock:
        _cache.clear()


def _load(prefix: str) -> Sender | None:
    key = (
        ApiKey.objects.usable()
        .filter(prefix=prefix)
        .select_related("organization", "default_owner", "user")
        .prefetch_related("owners")
        .first()
    )
    if key is None:
        return None
    return Sender(
        key_id=key.pk,
        hash=key.hash,
        type=key.type,
        may_write=key.may_write,
        may_read=key.may_read,
        may_manage=key.may_manage,
        organization_id=key.organization_id,
        tenant=key.organization.slug,
        owner_id=key.default_owner_id,
        strict=key.default_owner.validation == Validation.STRICT,
        all_owners=key.all_owners,
        owners=frozenset({key.default_owner_id, *(owner.pk for owner in key.owners.all())}),
        user=str(key.user.get_username()) if key.user else "",
        expires=key.expires_at.timestamp() if key.expires_at else float("inf"),
    )


EXACT_TO = timedelta(minutes=1)

# Locked rows are left for the next time, so that nobody waits for this, and no deadlock can occur.
_NOTE = """
UPDATE events_apikey SET last_used_at = stale.moment FROM (
    SELECT key.id, used.moment FROM events_apikey key
    JOIN unnest(%s::bigint[], %s::timestamptz[]) AS used (id, moment) ON used.id = key.id
    WHERE key.last_used_at IS NULL OR key.last_used_at <= used.moment - %s * interval '1 second'
    FOR NO KEY UPDATE OF key SKIP LOCKED
) stale WHERE events_apikey.id = stale.id
"""


def note_use(uses: Mapping[int, datetime]) -> None:
    """Record when each key was last used, at most once a minute per key."""
    if not uses:
        return
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [list(uses), list(uses.values()), EXACT_TO.total_seconds()])


def is_stale(noted: datetime | None, now: datetime) -> bool:
    """True if the recorded last use of a key is old enough to be worth updating."""
    return noted is None or noted <= now - EXACT_TO
