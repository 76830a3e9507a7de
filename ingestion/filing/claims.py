"""Claims: which requests of the inbox a worker files next, and their locks.

An attempt is counted before the work, in a transaction of its own: so a request that kills its worker is
known.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from ingestion.dialects.decoding import Payload


class Claim(NamedTuple):
    """A request that this worker is to file."""

    id: int
    owner_id: int
    key_id: int | None
    attempts: int
    events: int
    payload: Payload


# Owners take turns. A loose scan of the index finds the owners that wait, and their first requests.
# The next request in a block is always of the owner that has least in it so far; among equals, of the one
# served longest ago. So a single event waits for one block, however much others have sent. Running sums keep
# the block within its bounds; a larger request becomes a block of its own once it comes first.
_SELECT_BLOCK = """
WITH RECURSIVE waiting_owner AS (
    (SELECT owner_id FROM ingestion_inboxrequest ORDER BY owner_id LIMIT 1)
  UNION ALL
    SELECT (SELECT owner_id FROM ingestion_inboxrequest inbox WHERE inbox.owner_id > before.owner_id
            ORDER BY owner_id LIMIT 1)
    FROM waiting_owner before WHERE before.owner_id IS NOT NULL
), turn AS (
    SELECT owner_id, coalesce(array_position(%(served)s::bigint[], owner_id), 0) AS place,
           least(%(requests)s, ceil(2.0 * %(requests)s / count(*) OVER ()))::int AS share
    FROM waiting_owner WHERE owner_id IS NOT NULL
), waiting AS (
    SELECT request.*, turn.owner_id, turn.place AS turn,
           greatest(events::float / %(events)s, bytes::float / %(bytes)s) AS weight
    FROM turn CROSS JOIN LATERAL (
        SELECT id, events, octet_length(body) AS bytes FROM ingestion_inboxrequest inbox
        WHERE inbox.owner_id = turn.owner_id AND attempts < %(below)s AND id <> ALL(%(deferred)s::bigint[])
        ORDER BY id LIMIT turn.share FOR UPDATE SKIP LOCKED
    ) request
), shared AS (
    SELECT *, sum(weight) OVER (PARTITION BY owner_id ORDER BY id) - weight AS before FROM waiting
), bounded AS (
    SELECT id, row_number() OVER running AS place, first_value(weight) OVER running > 1 AS is_alone, weight,
           sum(events) FILTER (WHERE weight <= 1) OVER running AS events,
           sum(bytes) FILTER (WHERE weight <= 1) OVER running AS bytes
    FROM shared WINDOW running AS (ORDER BY before, turn, id)
)
UPDATE ingestion_inboxrequest inbox SET attempts = inbox.attempts + 1 FROM bounded
WHERE inbox.id = bounded.id AND (place = 1 OR (NOT is_alone AND weight <= 1 AND place <= %(requests)s
    AND bounded.events <= %(events)s AND bounded.bytes <= %(bytes)s))
RETURNING inbox.id, inbox.owner_id, inbox.events
"""

# Requests that were tried often are filed by one process at a time, so that a hanging one blocks no others.
POISON_LOCK = 748_025_504  # an advisory lock; the number is arbitrary
_SELECT_POISON = """
UPDATE ingestion_inboxrequest SET attempts = least(attempts + 1, 1000) WHERE id = (
    SELECT id FROM ingestion_inboxrequest WHERE attempts >= %s AND id <> ALL(%s::bigint[])
    AND NOT EXISTS (
        SELECT FROM pg_locks JOIN pg_database db ON db.oid = database AND datname = current_database()
        WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND objsubid = 1
        AND pid <> pg_backend_pid()
    )
    ORDER BY attempts, id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id
"""

_SELECT_ONE = """
UPDATE ingestion_inboxrequest SET attempts = least(attempts + 1, 1000) WHERE id = (
    SELECT id FROM ingestion_inboxrequest WHERE id = %s FOR UPDATE SKIP LOCKED
) RETURNING id
"""

# Requests that another worker has claimed meanwhile are left to that worker.
_UNCOUNT_ATTEMPTS = """
UPDATE ingestion_inboxrequest SET attempts = greatest(attempts - 1, 0) WHERE id IN (
    SELECT id FROM ingestion_inboxrequest WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED
)
"""

# Lock what was just counted; another worker may have taken some of it in between.
_CLAIM = """
SELECT id, owner_id, key_id, attempts, events, dialect, encoding, body, received_at, strict, context
FROM ingestion_inboxrequest WHERE id = ANY(%s) ORDER BY id FOR UPDATE SKIP LOCKED
"""


class BlockLimits(NamedTuple):
    """Limits of a block."""

    requests: int
    events: int
    bytes: int


class Selected(NamedTuple):
    """A request of the next block."""

    id: int
    owner_id: int
    events: int


def select_block(
    limits: BlockLimits, *, below: int, served: Sequence[int] = (), deferred: Sequence[int] = ()
) -> list[Selected]:
    """Select the next block within the bounds and count an attempt on each request; returns them by id.

    Requests with `below` attempts or more, and those in `deferred`, are left out. Owners in `served` come
    after the others, in this order.
    """
    parameters = {**limits._asdict(), "below": below, "served": list(served), "deferred": list(deferred)}
    with connection.cursor() as cursor:
        cursor.execute(_SELECT_BLOCK, parameters)
        return sorted(Selected(*row) for row in cursor.fetchall())


def select_poison(attempts: int, deferred: Sequence[int] = ()) -> list[int]:
    """Choose one request that was tried so often or more and count an attempt; its id, if there is one."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT_POISON, [attempts, list(deferred), POISON_LOCK])
        return [found for (found,) in cursor.fetchall()]


def lock_poison() -> None:
    """Keep other processes from requests that were tried often, until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [POISON_LOCK])


def select_one(request: int) -> list[int]:
    """Count an attempt of one request. Returns its id, unless it is gone or another worker has it."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT_ONE, [request])
        return [found for (found,) in cursor.fetchall()]


def uncount_attempts(ids: list[int]) -> None:
    """Take back an attempt of each."""
    with connection.cursor() as cursor:
        cursor.execute(_UNCOUNT_ATTEMPTS, [ids])


def claim(ids: list[int]) -> list[Claim]:
    """Lock requests for this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [ids])
        return [_read(*row) for row in cursor.fetchall()]


def _read(
    pk: int,
    owner_id: int,
    key_id: int | None,
    attempts: int,
    events: int,
    dialect: str,
    encoding: str,
    body: memoryview,
    received_at: datetime,
    strict: bool,
    context: str,
) -> Claim:
    # Django's cursors return jsonb as text.
    payload = Payload(dialect, encoding, bytes(body), received_at, strict, json.loads(context))
    return Claim(pk, owner_id, key_id, attempts, events, payload)


def remove(ids: list[int]) -> None:
    """Remove filed requests, in the transaction that files them."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ingestion_inboxrequest WHERE id = ANY(%s)", [ids])
