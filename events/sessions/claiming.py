"""Claims: pending sessions, claimed in blocks by workers, requeued or deferred.

A transaction claims a block by deleting its rows of TouchedSession. A key that another worker holds is
skipped: PostgreSQL holds a lock on it until that transaction ends, so no two workers compute the same session
at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max, Min
from psycopg.sql import SQL

from events.event import Event
from events.identity import EPOCH, first_id, moment, occurred_ms, week_of
from events.lib.sql import Parameters
from events.partitioned.partitions import WEEK
from events.sessions.keys import Names
from events.sessions.session import LargeSession, Session
from events.store import pending, retention
from events.store.copying import array, uuid_array
from events.store.pending import SessionKey, Span

ROWS = 1_000  # of a block, and most keys of it; rows that are skipped cost as much as others

Owners = list[int] | None  # None: all of them


class Claim(NamedTuple):
    """A session key that this transaction computes, with the time spans of its new events."""

    key: SessionKey
    number: UUID  # hash of the key
    spans: list[Span]


_KEY = SQL("owner_id, source_id, session, device, channel")
# As microseconds, because psycopg needs fourteen times as long to parse a time as a number.
_SPAN = SQL("(extract(epoch FROM since) * 1000000)::bigint, (extract(epoch FROM until) * 1000000)::bigint")
# Empty ids count as absent, so this compares keys correctly. Unlike IS NOT DISTINCT FROM, it can be hashed.
_SAME_KEY = SQL(
    "l.owner_id = t.owner_id AND l.source_id = t.source_id"
    " AND coalesce(l.session, '') = coalesce(t.session, '')"
    " AND coalesce(l.device, '') = coalesce(t.device, '')"
    " AND coalesce(l.channel, '') = coalesce(t.channel, '')"
)
_OF_OWNERS = SQL("(%(owners)s::int[] IS NULL OR t.owner_id = ANY(%(owners)s::int[]))")

# NOT IN instead of an anti-join: for that, the planner reads and sorts all pending rows for each block,
# instead of scanning the primary key until the block is full.
_SMALL = (
    SQL("""
SELECT id, {key}, {span} FROM events_touchedsession t
WHERE (t.owner_id, t.source_id, coalesce(t.session, ''), coalesce(t.device, ''), coalesce(t.channel, ''))
    NOT IN (SELECT owner_id, source_id, coalesce(session, ''), coalesce(device, ''), coalesce(channel, '')
            FROM events_largesession)
  AND {of_owners}
ORDER BY id LIMIT %(rows)s FOR UPDATE OF t SKIP LOCKED
""")
    .format(key=_KEY, span=_SPAN, of_owners=_OF_OWNERS)
    .as_string()
)
_LARGE = (
    SQL("""
SELECT {key} FROM events_largesession l
WHERE rests_until <= %(now)s
  AND EXISTS (SELECT FROM events_touchedsession t WHERE {same_key} AND {of_owners})
ORDER BY rests_until LIMIT 20
""")
    .format(key=_KEY, same_key=_SAME_KEY, of_owners=_OF_OWNERS)
    .as_string()
)
_ROWS_OF_KEY = (
    SQL("""
SELECT t.id, t.owner_id, t.source_id, t.session, t.device, t.channel, {span} FROM events_touchedsession t
JOIN (VALUES (%(owner_id)s, %(source_id)s, %(session)s, %(device)s, %(channel)s)) AS l ({key}) ON {same_key}
FOR UPDATE OF t SKIP LOCKED
""")
    .format(key=_KEY, span=_SPAN, same_key=_SAME_KEY)
    .as_string()
)
_HAS_PENDING = (
    SQL("""
SELECT EXISTS (
  SELECT FROM events_touchedsession t
  WHERE NOT EXISTS (SELECT FROM events_largesession l WHERE {same_key} AND l.rests_until > %(now)s)
    AND {of_owners})
""")
    .format(same_key=_SAME_KEY, of_owners=_OF_OWNERS)
    .as_string()
)
_REQUEUE = (
    SQL("""
INSERT INTO events_touchedsession ({key}, since, until)
SELECT owner_id, source_id, session, device, channel, min(since), max(until) FROM (
  SELECT owner_id, source_id, session, CASE WHEN session IS NULL THEN device END AS device,
         CASE WHEN session IS NULL THEN channel END AS channel, occurred_at AS since, occurred_at AS until
  FROM events_event WHERE id >= %(low)s AND id < %(high)s AND (session IS NOT NULL OR device IS NOT NULL)
  UNION ALL
  SELECT owner_id, source_id, session, CASE WHEN session IS NULL THEN device END,
         CASE WHEN session IS NULL THEN channel END, started_at, ended_at
  FROM events_session WHERE started_at >= %(since)s AND started_at < %(until)s
) t WHERE {of_owners}
GROUP BY owner_id, source_id, session, device, channel
""")
    .format(key=_KEY, of_owners=_OF_OWNERS)
    .as_string()
)


def claim_small(owners: Owners, rows: int) -> list[Claim]:
    """Claim the keys of the `rows` that have been pending longest, except keys known to be large."""
    with connection.cursor() as cursor:
        cursor.execute(*small_keys(owners, rows))
        return _claim(cursor.fetchall())


def small_keys(owners: Owners, rows: int) -> tuple[str, Parameters]:
    """Return the statement that locks the rows of a block, and its parameters."""
    return _SMALL, {"owners": owners, "rows": rows}


def claim_large(now: datetime, owners: Owners) -> list[Claim]:
    """Claim one large key that is pending and no longer deferred: the one deferred longest ago."""
    with connection.cursor() as cursor:
        cursor.execute(_LARGE, {"now": now, "owners": owners})
        keys = [SessionKey(*row) for row in cursor.fetchall()]
    for key in keys:
        with connection.cursor() as cursor:
            cursor.execute(_ROWS_OF_KEY, key._asdict())
            claims = _claim(cursor.fetchall())
        if claims:
            return claims
    return []


def _claim(rows: Iterable[Sequence[Any]]) -> list[Claim]:
    """Claim the keys of pending rows that no other worker holds: lock them, and delete their rows."""
    waiting: dict[SessionKey, list[tuple[int, Span]]] = defaultdict(list)
    for pk, *key, since, until in rows:
        span = EPOCH + timedelta(0, 0, since), EPOCH + timedelta(0, 0, until)
        waiting[SessionKey(*key)].append((pk, span))
    if not waiting:
        return []
    names = Names.of(waiting)
    numbers = {key: names.number(key) for key in waiting if names.has(key)}
    # Keys of deleted owners or sources have no session any more. Their rows are deleted with the others.
    free = _try_locks(numbers.values())
    held = [key for key in waiting if key not in numbers or numbers[key] in free]
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM events_touchedsession WHERE id = ANY(%s::bigint[])",
            [array(pk for key in held for pk, _ in waiting[key])],
        )
    return [Claim(key, numbers[key], [span for _, span in waiting[key]]) for key in held if key in numbers]


def _try_locks(numbers: Iterable[UUID]) -> set[UUID]:
    """Lock the keys that are free, until the transaction ends, with one statement."""
    wanted = list(numbers)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM unnest(%s::uuid[], %s::bigint[]) AS wanted (number, lock)"
            " WHERE pg_try_advisory_xact_lock(lock)",
            [uuid_array(wanted), array(number.int % 2**64 - 2**63 for number in wanted)],
        )
        return {number for (number,) in cursor.fetchall()}


def requeue(claim: Claim) -> None:
    """Put a claim back into the queue, for another transaction."""
    pending.add_sessions((claim.key, span) for span in claim.spans)


def defer(claim: Claim, until: datetime) -> None:
    """Defer a key, to be computed alone and not before `until`."""
    LargeSession.objects.update_or_create(
        id=claim.number, defaults={**claim.key._asdict(), "rests_until": until}
    )


def forget_large(before: datetime) -> None:
    """Remove large keys that haven't been computed since."""
    LargeSession.objects.filter(rests_until__lt=before).delete()


def resume(now: datetime, owners: Owners) -> None:
    """End the deferral of large keys."""
    resting = LargeSession.objects.filter(rests_until__gt=now)
    (resting if owners is None else resting.filter(owner_id__in=owners)).update(rests_until=now)


def has_pending(now: datetime, owners: Owners) -> bool:
    """True if any key is pending and not deferred."""
    with connection.cursor() as cursor:
        cursor.execute(_HAS_PENDING, {"now": now, "owners": owners})
        found: bool = cursor.fetchone()[0]
        return found


def pending_rows(owners: Owners) -> int:
    """Return the number of pending rows."""
    rows = pending.TouchedSession.objects.all()
    return (rows if owners is None else rows.filter(owner_id__in=owners)).count()


def requeue_all(owners: Owners) -> Iterator[int]:
    """Queue every session, one week per transaction, and yield each week's number of keys.

    Stored sessions are included, which finds those without events, except in weeks kept longer than their
    events.
    """
    sealed = retention.sealed_until()
    for week in _weeks():
        if sealed and week < sealed:
            continue
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            until = week + WEEK
            cursor.execute(
                _REQUEUE,
                {
                    "low": first_id(week),
                    "high": first_id(until),
                    "since": week,
                    "until": until,
                    "owners": owners,
                },
            )
            count = cursor.rowcount
        yield count


def _weeks() -> Iterator[datetime]:
    """Yield the weeks from the first to the last event or session."""
    events = Event.objects.order_by("id")
    ends = [moment(occurred_ms(event.id.int)) for event in (events.first(), events.last()) if event]
    ends += [
        end for end in Session.objects.aggregate(a=Min("started_at"), b=Max("started_at")).values() if end
    ]
    if not ends:
        return
    week = week_of(min(ends).astimezone(UTC))
    while week <= max(ends):
        yield week
        week += timedelta(days=7)
