"""Quotas: how many events of an owner are accepted in a calendar month (UTC), and what becomes of more.

Used is what was stored of the month's receipts, and what waits in the inbox, in one snapshot. Neither
duplicates nor rejected events use anything up, except while they wait.

The bound: a process counts anew every few seconds (TTL_SECONDS) and adds what it accepts itself, so an owner
gets at most what the other processes accept in that time beyond its quota; and the request that crosses the
quota is taken whole. A changed quota holds within the same time.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from events.ownership.owner import OverQuota
from ingestion.dialects.refusal import Refused

TTL_SECONDS = 10.0
MAX_CACHED = 10_000


@dataclass(slots=True)
class _Standing:
    """How an owner stands with its quota in a month."""

    quota: int | None
    over: str
    used: int
    month: datetime
    expires: float  # by the monotonic clock


_cache: dict[int, _Standing] = {}

# An owner without a quota is not counted. The index of usage begins with owner and hour; what waits is read
# as a whole, bodies apart: little, unless the drain is behind.
_STANDING = """
SELECT monthly_quota, over_quota, CASE WHEN monthly_quota IS NULL THEN 0 ELSE
    (SELECT coalesce(sum(stored), 0) FROM events_usagehour
     WHERE owner_id = owner.id AND hour >= %(begin)s AND hour < %(end)s)
    + (SELECT coalesce(sum(events), 0) FROM ingestion_inboxrequest
       WHERE owner_id = owner.id AND received_at >= %(begin)s AND received_at < %(end)s) END
FROM events_owner owner WHERE id = %(owner)s
"""


def spend(owner_id: int, events: int, now: datetime) -> str | None:
    """Count events that are about to be accepted; the owner's setting where its quota was used up before.

    Raises `Refused` (429) where the setting is to refuse.
    """
    month = month_of(now)
    standing = _cache.get(owner_id)
    if standing is None or standing.expires <= time.monotonic() or standing.month != month:
        standing = _load(owner_id, month)
        if len(_cache) >= MAX_CACHED:
            _cache.clear()
        _cache[owner_id] = standing
    if standing.quota is None:
        return None
    if standing.used < standing.quota:
        standing.used += events
        return None
    if standing.over == OverQuota.REFUSE:
        raise _refusal(standing.quota, now)
    return standing.over


def month_of(moment: datetime) -> datetime:
    """When the calendar month of a moment began, UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(month: datetime) -> datetime:
    """When the month after one that began at `month` begins."""
    return (month + timedelta(days=31)).replace(day=1)


def forget() -> None:
    """Empty the cache, for tests."""
    _cache.clear()


def _load(owner_id: int, month: datetime) -> _Standing:
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"owner": owner_id, "begin": month, "end": month_after(month)})
        quota, over, used = cursor.fetchone() or (None, OverQuota.WARN, 0)
    return _Standing(quota, over, int(used), month, time.monotonic() + TTL_SECONDS)


def _refusal(quota: int, now: datetime) -> Refused:
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
