"""Key look-ups: from the text of a key to what it stands for, remembered for a few seconds in the process."""

import hmac
import time
from dataclasses import dataclass
from threading import Lock

from django.utils import timezone

from events.ownership.api_key import ApiKey, KeyType, hash_of, parts_of
from events.ownership.owner import Validation

TTL_SECONDS = 10.0  # a revoked key is refused within this everywhere
MAX_CACHED = 10_000  # keys; only good ones are cached, so nobody but their holders can fill it


@dataclass(frozen=True, slots=True)
class Sender:
    """What a good key stands for."""

    key_id: int
    hash: str
    type: str
    may_write: bool
    may_read: bool
    organization_id: int
    tenant: str  # the organization's slug
    owner_id: int  # the default owner
    strict: bool  # the default owner's validation
    all_owners: bool
    owners: frozenset[int]  # ids of the owners it may write for, the default one among them
    user: str  # whose personal key it is, "" for none
    expires: float  # seconds since 1970; infinity for never

    def may_write_for(self, owner_id: int) -> bool:
        """True if the key may write for an owner of its organization."""
        return self.all_owners or owner_id in self.owners


_cache: dict[str, tuple[float, Sender]] = {}
_cache_lock = Lock()


def find(whole: str) -> Sender | None:
    """The sender that a key stands for, from the cache or the database; None for a key that is no good."""
    parts = parts_of(whole)
    if parts is None:
        return None
    now = time.monotonic()
    cached = _cache.get(parts.prefix)
    sender = cached[1] if cached and cached[0] > now else None
    if sender is None:
        # A prefix that is not there is not remembered: strangers could fill such a memory.
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
    """Note that a secret key was where others could read it. A publishable one may be seen anyway."""
    if sender.type == KeyType.SECRET:
        ApiKey.objects.filter(pk=sender.key_id, exposed_at=None).update(exposed_at=timezone.now())


def forget() -> None:
    """Empty the cache, for tests and after a key was changed in this process."""
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
        organization_id=key.organization_id,
        tenant=key.organization.slug,
        owner_id=key.default_owner_id,
        strict=key.default_owner.validation == Validation.STRICT,
        all_owners=key.all_owners,
        owners=frozenset({key.default_owner_id, *(owner.pk for owner in key.owners.all())}),
        user=str(key.user.get_username()) if key.user else "",
        expires=key.expires_at.timestamp() if key.expires_at else float("inf"),
    )
