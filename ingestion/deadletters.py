"""Filing of rejected events: once per owner and content, repeats counted."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection
from psycopg.types.json import Jsonb

from events.ownership.names import fault_of
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store import sources
from events.store.usage import Tally, UsageKey, hour_of
from events.wire.values import readable
from ingestion.decoding import Parts, Rejected


class DeadLetter(NamedTuple):
    """A rejected event with the request that it came in."""

    owner: Owner
    parts: Parts
    rejected: Rejected


# `xmax` is 0 only for a row that this statement inserted.
_UPSERT = """
INSERT INTO ingestion_rejectedevent AS kept
    (owner_id, source_id, dialect, encoding, kind, code, path, message, client_event_id,
     received_at, last_received_at, seen, content_hash, body, context, strict)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::bytea[], %s::bytea[],
    %s::jsonb[], %s::bool[])
ON CONFLICT (owner_id, content_hash) DO UPDATE
    SET seen = kept.seen + excluded.seen,
        last_received_at = greatest(kept.last_received_at, excluded.last_received_at)
RETURNING owner_id, content_hash, xmax = 0
"""


def file(letters: Sequence[DeadLetter], tally: Tally) -> None:
    """Keep rejected events, in the transaction that files their neighbours; count them."""
    if not letters:
        return
    named = [
        sources.Named(letter.owner.organization_id, letter.owner.pk, _name(letter)) for letter in letters
    ]
    found = sources.resolve(named, stored=False)
    groups: dict[tuple[int, bytes], list[tuple[DeadLetter, Source]]] = {}
    for letter, place in zip(letters, named, strict=True):
        key = (letter.owner.pk, hashlib.sha256(letter.rejected.raw).digest())
        groups.setdefault(key, []).append((letter, found[place]))
    rows = [_row(key, group) for key, group in sorted(groups.items())]
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [list(column) for column in zip(*rows, strict=True)])
        new = {(owner, bytes(digest)): inserted for owner, digest, inserted in cursor.fetchall()}
    for key, group in groups.items():
        for index, (letter, source) in enumerate(group):
            first = index == 0 and new[key]
            tally.count(
                _usage_key(letter, source), received=1, rejected=int(first), duplicates=int(not first)
            )


def _name(letter: DeadLetter) -> str:
    """The source that a rejected event names, if it can be one."""
    name = letter.rejected.source
    return "" if fault_of(name) else name


def _usage_key(letter: DeadLetter, source: Source) -> UsageKey:
    return UsageKey(
        letter.owner.pk,
        hour_of(letter.parts.received_at),
        source.pk,
        letter.rejected.kind,
        letter.parts.dialect,
    )


def _row(key: tuple[int, bytes], group: Sequence[tuple[DeadLetter, Source]]) -> tuple[object, ...]:
    (letter, source), parts = group[0], group[0][0].parts
    rejected = letter.rejected
    return (
        letter.owner.pk,
        source.pk,
        parts.dialect,
        parts.encoding,
        rejected.kind,
        rejected.fault.code,
        readable(rejected.fault.path),
        readable(rejected.fault.message),
        readable(rejected.client_event_id),
        parts.received_at,
        max(other.parts.received_at for other, _ in group),
        len(group),
        key[1],
        rejected.raw,
        Jsonb(parts.context),
        parts.strict,
    )
