"""Windows: the periods of a key that new events can change, and the stored sessions in them.

Nothing changes in sealed time, where sessions outlived their events. A session whose id is still in use is
computed again from the remaining events.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from psycopg.sql import SQL, Literal

from events.event import INDEXED
from events.sessions.claiming import Claim
from events.sessions.reading import Window
from events.sessions.session import INACTIVITY
from events.store import retention
from events.store.copying import array, text_array, uuid_array
from events.store.retention import COMPUTED_SINCE


class Stored(NamedTuple):
    """A stored session."""

    id: UUID
    started_at: datetime
    ended_at: datetime


class Affected(NamedTuple):
    """A window of a claim, and the stored sessions in it, which will be replaced."""

    claim: Claim
    window: Window
    stored: list[Stored]


def affected(claims: Sequence[Claim]) -> list[Affected]:
    """Return the windows of claims, with three statements."""
    if sealed := retention.sealed_until():
        claims = [found for claim in claims if (found := _after(claim, sealed))]
    stored = _with_ids(claims) | _cut(claims)
    return [found for claim in claims for found in _windows(claim, stored.get(claim.number, []))]


def _after(claim: Claim, sealed: datetime) -> Claim | None:
    """Return a claim without sealed time, or None if nothing is left of it."""
    spans = [(max(since, sealed), until) for since, until in claim.spans if until >= sealed]
    return claim._replace(spans=spans) if spans else None


def _windows(claim: Claim, stored: Sequence[Stored]) -> Iterator[Affected]:
    """Yield spans and stored sessions, joined if they could be one session: with a session id, always."""
    if not stored and len(claim.spans) == 1:
        yield Affected(claim, Window(claim.key, *claim.spans[0]), [])
        return
    pieces: list[tuple[datetime, datetime, Stored | None]] = [(*span, None) for span in claim.spans]
    pieces += [(each.started_at, each.ended_at, each) for each in stored]
    pieces.sort(key=lambda piece: piece[:2])
    since, until, inside = pieces[0][0], pieces[0][1], list[Stored]()
    for begin, end, each in pieces:
        if claim.key.session is None and begin - until > INACTIVITY:
            yield Affected(claim, Window(claim.key, since, until), inside)
            since, until, inside = begin, end, []
        until = max(until, end)
        if each is not None:
            inside.append(each)
    yield Affected(claim, Window(claim.key, since, until), inside)


def _with_ids(claims: Iterable[Claim]) -> dict[UUID, list[Stored]]:
    """Return the stored sessions of keys with a session id: their ids are the hashes of the keys."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, started_at, ended_at FROM events_session WHERE id = ANY(%s::uuid[])",
            [uuid_array(claim.number for claim in claims if claim.key.session is not None)],
        )
        return {row[0]: [Stored(*row)] for row in cursor.fetchall()}


# By the index on device. `reading` explains how owner and source are compared.
_OVERLAPPING = SQL("""
SELECT DISTINCT wanted.number, s.id, s.started_at, s.ended_at
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[],
            %s::timestamptz[]) AS wanted (number, owner_id, source_id, device, channel, since, until)
CROSS JOIN LATERAL (
  SELECT * FROM events_session s
  WHERE left(s.device, {indexed}) = left(wanted.device, {indexed}) AND s.device IS NOT NULL
    AND s.started_at <= wanted.until AND s.ended_at >= wanted.since AND s.session IS NULL
    AND s.ended_at >= {computed_since}
    AND s.device IS NOT DISTINCT FROM wanted.device AND s.channel IS NOT DISTINCT FROM wanted.channel
    AND s.owner_id IS NOT DISTINCT FROM wanted.owner_id AND s.source_id IS NOT DISTINCT FROM wanted.source_id
  OFFSET 0) s
""").format(indexed=Literal(INDEXED), computed_since=COMPUTED_SINCE)


def _cut(claims: Iterable[Claim]) -> dict[UUID, list[Stored]]:
    """Return the stored sessions without session ids that are within the inactivity time of a span."""
    spans = [(claim, span) for claim in claims if claim.key.session is None for span in claim.spans]
    found: dict[UUID, list[Stored]] = defaultdict(list)
    if not spans:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            _OVERLAPPING,
            [
                uuid_array(claim.number for claim, _ in spans),
                array(claim.key.owner_id for claim, _ in spans),
                array(claim.key.source_id for claim, _ in spans),
                text_array([claim.key.device or "" for claim, _ in spans]),
                text_array([claim.key.channel for claim, _ in spans]),
                [since - INACTIVITY for _, (since, _) in spans],
                [until + INACTIVITY for _, (_, until) in spans],
            ],
        )
        for number, *stored in cursor.fetchall():
            found[number].append(Stored(*stored))
    return found
