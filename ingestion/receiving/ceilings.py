"""Ceilings: limits for an owner's bytes in the inbox and for the bytes of its rejected events.

A request that would exceed the limit of the inbox is refused before its events are validated. At the limit of
rejected events, a request is refused if one of its events would be rejected; other requests are accepted.
So no acknowledged event is dropped, and no sender fills the disk.

A process counts again every few seconds (TTL_SECONDS) and adds what it accepts itself, as quotas do. An owner
exceeds a ceiling by what the other processes accept within that time, and by one request.
"""

import time
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from ingestion.dialects.refusal import Refused

TTL_SECONDS = 5.0
MAX_CACHED = 10_000
OVERHEAD = 1_024  # bytes counted for each row besides its body, so that the number of rows is bounded too


@dataclass(slots=True)
class _Use:
    """The bytes that an owner uses, and their limits."""

    waiting: int
    most_waiting: int
    rejected: int
    most_rejected: int
    expires: float  # by the monotonic clock


_cache: dict[int, _Use] = {}

# The inbox is read by the index of owners; the ceiling bounds the number of rows.
_USE = """
SELECT coalesce((SELECT sum(octet_length(body) + %(overhead)s) FROM ingestion_inboxrequest
                 WHERE owner_id = owner.id), 0),
       coalesce(max_waiting_bytes, %(waiting)s),
       coalesce((SELECT bytes FROM ingestion_rejectedsize WHERE owner_id = owner.id), 0),
       coalesce(max_rejected_bytes, %(rejected)s)
FROM events_owner owner WHERE id = %(owner)s
"""


def hold_waiting(owner_id: int, size: int) -> None:
    """Check that a body fits into the inbox. Raises `Refused` (429) if its owner has too much waiting."""
    use = _use(owner_id)
    if use.waiting + size + OVERHEAD > use.most_waiting:
        raise Refused(
            429,
            "inbox_full",
            f"{use.waiting:,} bytes of the owner wait to be filed; the limit is {use.most_waiting:,}.",
            headers={"Retry-After": "10"},
        )


def add_waiting(owner_id: int, size: int) -> None:
    """Count a body that was put into the inbox."""
    _use(owner_id).waiting += size + OVERHEAD


def hold_rejected(owner_id: int, size: int) -> None:
    """Count bytes that are about to be rejected. Raises `Refused` (429) if there are too many."""
    use = _use(owner_id)
    if use.rejected + size > use.most_rejected:
        raise Refused(
            429,
            "rejected_full",
            f"The owner's rejected events take up {use.rejected:,} bytes; the limit is"
            f" {use.most_rejected:,}. Events of this request would be rejected too.",
            headers={"Retry-After": "3600"},
        )
    use.rejected += size


def forget() -> None:
    """Empty the cache, for tests."""
    _cache.clear()


def _use(owner_id: int) -> _Use:
    use = _cache.get(owner_id)
    if use is None or use.expires <= time.monotonic():
        use = _load(owner_id)
        if len(_cache) >= MAX_CACHED:
            _cache.clear()
        _cache[owner_id] = use
    return use


def _load(owner_id: int) -> _Use:
    waiting, rejected = settings.OWNER_MAX_WAITING_BYTES, settings.OWNER_MAX_REJECTED_BYTES
    parameters = {"owner": owner_id, "overhead": OVERHEAD, "waiting": waiting, "rejected": rejected}
    with connection.cursor() as cursor:
        cursor.execute(_USE, parameters)
        found = cursor.fetchone() or (0, waiting, 0, rejected)
    used, most_waiting, kept, most_rejected = map(int, found)
    return _Use(used, most_waiting, kept, most_rejected, time.monotonic() + TTL_SECONDS)
