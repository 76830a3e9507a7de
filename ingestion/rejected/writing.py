"""Writing rejected events: each once per owner and content, with a count of repeats."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

from django.db import connection

from events.ownership.owner import Owner
from events.store import sources
from events.store.copying import text_array
from events.store.sources import Resolved
from events.store.usage import UsageDelta, UsageKey, hour_of
from events.wire.values import readable
from ingestion.dialects.decoding import Payload, Rejected
from ingestion.rejected import changes


class Rejection(NamedTuple):
    """A rejected event with the request that it came in."""

    owner: Owner
    payload: Payload
    rejected: Rejected


# Arrays as texts, which take a tenth of the time that lists do; what is common to a request comes once.
# `xmax` is 0 only for a row that this statement inserted.
_UPSERT = """
WITH request AS (
    SELECT * FROM unnest(%(dialects)s::text[], %(encodings)s::text[], %(contexts)s::jsonb[],
        %(stricts)s::bool[])
        WITH ORDINALITY AS request (dialect, encoding, context, strict, number)
), event AS (
    SELECT * FROM unnest(%(requests)s::int[], %(owners)s::bigint[], %(sources)s::bigint[], %(kinds)s::text[],
        %(codes)s::text[], %(paths)s::text[], %(messages)s::text[], %(ids)s::text[], %(first)s::timestamptz[],
        %(last)s::timestamptz[], %(seen)s::bigint[], %(hashes)s::text[], %(bodies)s::text[])
        WITH ORDINALITY AS event (request, owner_id, source_id, kind, code, path, message, client_event_id,
            received_at, last_received_at, seen, content_hash, body, place)
)
INSERT INTO ingestion_rejectedevent AS kept
    (owner_id, source_id, dialect, encoding, kind, code, path, message, client_event_id,
     received_at, last_received_at, seen, content_hash, body, context, strict)
SELECT owner_id, source_id, dialect, encoding, kind, code, path, message, client_event_id,
     received_at, last_received_at, seen, decode(content_hash, 'hex'), decode(body, 'hex'), context, strict
FROM event JOIN request ON request.number = event.request ORDER BY place
ON CONFLICT (owner_id, content_hash) DO UPDATE
    SET seen = kept.seen + excluded.seen,
        last_received_at = greatest(kept.last_received_at, excluded.last_received_at)
RETURNING id, owner_id, encode(content_hash, 'hex'), xmax = 0
"""

Group = list[tuple[Rejection, Resolved]]


def write(rejections: Sequence[Rejection], delta: UsageDelta) -> None:
    """Write rejected events, in the transaction that files their neighbours, and count them."""
    if not rejections:
        return
    named = [
        sources.SourceName(rejection.owner.organization_id, rejection.owner.pk, rejection.rejected.source)
        for rejection in rejections
    ]
    found = sources.resolve(named, stored=False)
    groups: dict[tuple[int, str], Group] = {}
    for rejection, place in zip(rejections, named, strict=True):
        key = (rejection.owner.pk, hashlib.sha256(rejection.rejected.raw).hexdigest())
        groups.setdefault(key, []).append((rejection, found[place]))
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, _arrays(sorted(groups.items(), key=itemgetter(0))))
        written = cursor.fetchall()
    new = {(owner, digest): inserted for _, owner, digest, inserted in written}
    changes.note((owner, pk) for pk, owner, _, _ in written)
    for key, group in groups.items():
        for index, (rejection, source) in enumerate(group):
            first = index == 0 and new[key]
            delta.count(
                _usage_key(rejection, source), received=1, rejected=int(first), duplicates=int(not first)
            )


def _arrays(groups: Sequence[tuple[tuple[int, str], Group]]) -> dict[str, str]:
    """Return the columns of rejected events as PostgreSQL arrays, in the order of `groups`."""
    firsts = [group[0] for _, group in groups]
    requests = {id(rejection.payload): rejection.payload for rejection, _ in firsts}
    numbers = {found: number for number, found in enumerate(requests, 1)}
    rejected = [rejection.rejected for rejection, _ in firsts]
    texts = {
        "dialects": [payload.dialect for payload in requests.values()],
        "encodings": [payload.encoding for payload in requests.values()],
        "contexts": [json.dumps(payload.context) for payload in requests.values()],
        "kinds": [each.kind for each in rejected],
        "codes": [each.fault.code for each in rejected],
        "paths": [readable(each.fault.path) for each in rejected],
        "messages": [readable(each.fault.message) for each in rejected],
        "ids": [readable(each.client_event_id) for each in rejected],
        "first": [rejection.payload.received_at.isoformat() for rejection, _ in firsts],
        "last": [
            max(rejection.payload.received_at for rejection, _ in group).isoformat() for _, group in groups
        ],
        "hashes": [digest for (_, digest), _ in groups],
        "bodies": [each.raw.hex() for each in rejected],
    }
    others: dict[str, Iterable[object]] = {
        "stricts": [payload.strict for payload in requests.values()],
        "requests": [numbers[id(rejection.payload)] for rejection, _ in firsts],
        "owners": [owner for (owner, _), _ in groups],
        "sources": [source.id for _, source in firsts],
        "seen": [len(group) for _, group in groups],
    }
    written = {name: "{" + ",".join(map(str, items)) + "}" for name, items in others.items()}
    return written | {name: text_array(items) for name, items in texts.items()}


def _usage_key(rejection: Rejection, source: Resolved) -> UsageKey:
    return UsageKey(
        rejection.owner.pk,
        hour_of(rejection.payload.received_at),
        source.id,
        rejection.rejected.kind,
        rejection.payload.dialect,
    )
