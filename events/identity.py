"""Event identity: time, owner and content in one UUID of version 8 (RFC 9562, section 5.8).

Layout, high bits first: 48 bits of milliseconds since 1970 (`occurred_at`), 4 bits of version, 12 bits of
hash, 2 bits of variant, 62 bits of hash. The hash is BLAKE2b of (owner key, client's event id): no secret in
it, so a retry makes the same id for ever. Sorting ids sorts events by time; a week is a range of ids.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
_VERSION = 8 << 76
_VARIANT = 2 << 62
_TIME_SHIFT = 80
_LOW_62 = (1 << 62) - 1


def event_id(occurred_ms: int, owner: UUID, identity: str) -> UUID:
    """Make an event's id from its time, its owner's key and what its sender calls it."""
    digest = int.from_bytes(
        blake2b(identity.encode("utf-8", "surrogatepass"), key=owner.bytes, digest_size=10).digest()
    )
    low = (digest & _LOW_62) | _VARIANT
    high = (digest >> 62 & 0xFFF) << 64
    return UUID(int=occurred_ms << _TIME_SHIFT | _VERSION | high | low)


def nameless(request: int, index: int) -> str:
    """The identity of an event without an id of its own: its place in the inbox."""
    return f"\x00{request}\x00{index}"


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (moment - EPOCH) // MILLISECOND


def moment(ms: int) -> datetime:
    """The UTC time of `ms` milliseconds since 1970, exact."""
    return EPOCH + timedelta(0, 0, 0, ms)  # by place: the keyword takes twice as long


def first_id(at: datetime) -> UUID:
    """The lowest id an event at `at` can have: `id >= first_id(since)` is "since"."""
    return UUID(int=max(milliseconds(at), 0) << _TIME_SHIFT)


def occurred_ms(event: UUID) -> int:
    """The milliseconds since 1970 in an event id."""
    return event.int >> _TIME_SHIFT


def weeks(ids: Iterable[UUID]) -> set[datetime]:
    """The Mondays, 00:00 UTC, of the weeks that the ids fall in."""
    # 1970-01-01 was a Thursday, so weeks begin three days after a multiple of seven days.
    numbers = {(occurred_ms(event) // 86_400_000 + 3) // 7 for event in ids}
    return {EPOCH + timedelta(days=number * 7 - 3) for number in numbers}


def week_of(at: datetime) -> datetime:
    """The Monday, 00:00 UTC, of the week of `at`."""
    return EPOCH + timedelta(days=((at - EPOCH).days + 3) // 7 * 7 - 3)
