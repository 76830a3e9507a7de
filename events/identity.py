"""Event ids: time, owner and the sender's id in one UUID of version 8 (RFC 9562, section 5.8).

Layout, high bits first: 48 bits of milliseconds since 1970 (`occurred_at`), 4 bits of version, 12 bits of
hash, 2 bits of variant, 62 bits of hash. The hash is BLAKE2b of (owner key, client's event id): no secret in
it, so a retry always has the same id. Sorting ids sorts events by time; a week is a range of ids.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
_VERSION = 8 << 76
_VARIANT = 2 << 62
_TIME_SHIFT = 80
_LOW_62 = (1 << 62) - 1
_NAME = (1 << _TIME_SHIFT) - 1


def event_number(occurred_ms: int, owner: UUID, identity: str) -> int:
    """Return the id of an event as a 128-bit number, from its time, its owner and the sender's id of it."""
    name = identity.encode("utf-8", "surrogatepass")
    digest = int.from_bytes(blake2b(name, key=owner.bytes, digest_size=10).digest())
    high = digest >> 62 & 0xFFF
    return occurred_ms << _TIME_SHIFT | _VERSION | high << 64 | _VARIANT | digest & _LOW_62


def name_part(event: int) -> int:
    """Return the part of an id that depends on the owner and the sender's id, but not on the time."""
    return event & _NAME


def position_identity(request: int, index: int) -> str:
    """Return the identity of an event without its own id: its position in the inbox."""
    return f"\x00{request}\x00{index}"


def milliseconds(moment: datetime) -> int:
    """Return milliseconds since 1970, rounded down."""
    return (moment - EPOCH) // MILLISECOND


def moment(ms: int) -> datetime:
    """Return the UTC time of `ms` milliseconds since 1970, exactly."""
    return EPOCH + timedelta(0, 0, 0, ms)  # positional: the keyword takes twice as long


def first_id(at: datetime) -> UUID:
    """Return the lowest possible id of an event at a time: `id >= first_id(since)` means since."""
    return UUID(int=first_number(at))


def first_number(at: datetime) -> int:
    """Return `first_id` as a number."""
    return max(milliseconds(at), 0) << _TIME_SHIFT


def occurred_ms(event: int) -> int:
    """Return the milliseconds since 1970 in an event id."""
    return event >> _TIME_SHIFT


def by_week(ids: Sequence[int]) -> Iterator[tuple[datetime, Sequence[int]]]:
    """Yield sorted ids in groups of one week each, with its Monday, 00:00 UTC."""
    begin = 0
    while begin < len(ids):
        monday = _monday(_week(ids[begin]))
        end = bisect_left(ids, first_number(monday + timedelta(days=7)), begin)
        yield monday, ids[begin:end]
        begin = end


def _week(event: int) -> int:
    # 1970-01-01 was a Thursday, so weeks begin three days after a multiple of seven days.
    return ((event >> _TIME_SHIFT) // 86_400_000 + 3) // 7


def _monday(number: int) -> datetime:
    return EPOCH + timedelta(days=number * 7 - 3)


def week_of(at: datetime) -> datetime:
    """Return the Monday, 00:00 UTC, of the week of a time."""
    return _monday(((at - EPOCH).days + 3) // 7)
