"""Event identity: time, owner and content in one UUID of version 8 (RFC 9562, section 5.8).

Layout, high bits first: 48 bits of milliseconds since 1970 (`occurred_at`), 4 bits of version, 12 bits of
hash, 2 bits of variant, 62 bits of hash. The hash is BLAKE2b of (owner key, client's event id): no secret in
it, so a retry makes the same id for ever. Sorting ids sorts events by time; a week is a range of ids.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import groupby
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
_VERSION = 8 << 76
_VARIANT = 2 << 62
_TIME_SHIFT = 80
_LOW_62 = (1 << 62) - 1


def event_number(occurred_ms: int, owner: UUID, identity: str) -> int:
    """The id, as a 128-bit number, of what the owner's sender calls `identity` and dates `occurred_ms`."""
    name = identity.encode("utf-8", "surrogatepass")
    digest = int.from_bytes(blake2b(name, key=owner.bytes, digest_size=10).digest())
    high = digest >> 62 & 0xFFF
    return occurred_ms << _TIME_SHIFT | _VERSION | high << 64 | _VARIANT | digest & _LOW_62


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


def occurred_ms(event: int) -> int:
    """The milliseconds since 1970 in an event id."""
    return event >> _TIME_SHIFT


def weeks(ids: Iterable[int]) -> set[datetime]:
    """The Mondays, 00:00 UTC, of the weeks that the ids fall in."""
    return {_monday(number) for number in map(_week, ids)}


def by_week(ids: Iterable[int]) -> Iterator[tuple[datetime, list[int]]]:
    """Sorted ids in groups of one week each, with its Monday."""
    for number, group in groupby(ids, key=_week):
        yield _monday(number), list(group)


def _week(event: int) -> int:
    # 1970-01-01 was a Thursday, so weeks begin three days after a multiple of seven days.
    return ((event >> _TIME_SHIFT) // 86_400_000 + 3) // 7


def _monday(number: int) -> datetime:
    return EPOCH + timedelta(days=number * 7 - 3)


def week_of(at: datetime) -> datetime:
    """The Monday, 00:00 UTC, of the week of `at`."""
    return _monday(((at - EPOCH).days + 3) // 7)
