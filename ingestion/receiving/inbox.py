"""The inbox: requests as received. What stands here was acknowledged and will be filed."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from psycopg.pq import Format

from events.ownership.api_key import ApiKey
from events.ownership.owner import Owner
from ingestion.dialects.decoding import Parts
from ingestion.receiving.prepared import Prepared


class InboxRequest(models.Model):
    """An accepted request that waits to be filed. Nothing in it is a credential or an address."""

    received_at = models.DateTimeField()
    # PROTECT: an owner whose events wait can't be deleted.
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    key = models.ForeignKey(
        ApiKey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True
    )
    dialect = models.TextField()
    encoding = models.TextField(help_text="json, form, query, protobuf or ndjson.")
    strict = models.BooleanField(help_text="Whether the owner's validation was strict at receipt.")
    context = models.JSONField(help_text="What headers and key say of all events of the request.")
    events = models.IntegerField(help_text="How many events were acknowledged, for the accounts.")
    attempts = models.SmallIntegerField(
        default=0, db_default=0, help_text="How often a worker has begun to file it."
    )
    body = models.BinaryField(help_text="The body as received, inflated.")

    class Meta:
        verbose_name = "waiting request"
        # Owners take turns, each with its first requests first.
        indexes = [models.Index(fields=["owner", "id"], name="inbox_owner")]

    def __str__(self) -> str:
        return f"request {self.pk}"


class Arrival(NamedTuple):
    """A request to be put into the inbox."""

    parts: Parts
    owner_id: int
    key_id: int
    events: int


# One statement, one round trip; autocommit makes it durable before the answer.
_PUT = Prepared(
    "put_into_inbox",
    """
    INSERT INTO ingestion_inboxrequest
        (received_at, owner_id, key_id, dialect, encoding, strict, context, events, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    """,
    formats=[Format.TEXT] * 8 + [Format.BINARY],
)


def put(arrival: Arrival) -> None:
    """Put a request into the inbox: once this returns, it is committed (outside of a transaction)."""
    parts = arrival.parts
    values = (
        parts.received_at.isoformat().encode(),
        b"%d" % arrival.owner_id,
        b"%d" % arrival.key_id,
        parts.dialect.encode(),
        parts.encoding.encode(),
        b"t" if parts.strict else b"f",
        msgspec.json.encode(parts.context),
        b"%d" % arrival.events,
        parts.body,
    )
    _PUT.run(connections[DEFAULT_DB_ALIAS], values)  # the thread's own: `connection` looks it up each time


class Claim(NamedTuple):
    """A request that this worker is to file."""

    id: int
    owner_id: int
    key_id: int | None
    attempts: int
    events: int
    parts: Parts


# Count the attempt before the work, in a transaction of its own: a request that kills its worker is known.
#
# Owners take turns. A loose scan of the index finds the owners that wait, and their first requests.
# The next request in a block is always of the owner that has least in it so far; among equals, of the one
# served longest ago. So a single event waits for one block, however much others have sent. Running sums keep
# the block within its bounds; a larger request becomes a block of its own once it comes first.
_COUNT_ATTEMPTS = """
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
        WHERE inbox.owner_id = turn.owner_id AND attempts < %(below)s AND id <> ALL(%(held)s::bigint[])
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

# Those that were tried often take turns, in one process at a time: one that hangs leaves the others free.
SUSPECTS = 748_025_504  # of an advisory lock; any constant of ours does
_COUNT_ATTEMPT_OF_SUSPECT = """
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

_COUNT_ATTEMPT_OF = """
UPDATE ingestion_inboxrequest SET attempts = least(attempts + 1, 1000) WHERE id = (
    SELECT id FROM ingestion_inboxrequest WHERE id = %s FOR UPDATE SKIP LOCKED
) RETURNING id
"""

# What another worker has taken by now is counted as it will.
_UNCOUNT = """
UPDATE ingestion_inboxrequest SET attempts = greatest(attempts - 1, 0) WHERE id IN (
    SELECT id FROM ingestion_inboxrequest WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED
)
"""

# Lock what was just counted; another worker may have taken some of it in between.
_TAKE = """
SELECT id, owner_id, key_id, attempts, events, dialect, encoding, body, received_at, strict, context
FROM ingestion_inboxrequest WHERE id = ANY(%s) ORDER BY id FOR UPDATE SKIP LOCKED
"""


class Bounds(NamedTuple):
    """Limits of a block."""

    requests: int
    events: int
    bytes: int


class Chosen(NamedTuple):
    """A request of the next block."""

    id: int
    owner_id: int
    events: int


def count_attempts(
    bounds: Bounds, *, below: int, served: Sequence[int] = (), held: Sequence[int] = ()
) -> list[Chosen]:
    """Select the next block within the bounds and count an attempt on each request; returns them by id.

    Requests with `below` attempts or more, and those in `held`, are left out. Owners in `served` come after
    the others, in this order.
    """
    parameters = {**bounds._asdict(), "below": below, "served": list(served), "held": list(held)}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_ATTEMPTS, parameters)
        return sorted(Chosen(*row) for row in cursor.fetchall())


def count_attempt_of_suspect(attempts: int, held: Sequence[int] = ()) -> list[int]:
    """Choose one request that was tried so often or more and count an attempt; its id, if there is one."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_ATTEMPT_OF_SUSPECT, [attempts, list(held), SUSPECTS])
        return [found for (found,) in cursor.fetchall()]


def hold_suspects() -> None:
    """Keep other processes from requests that were tried often, until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [SUSPECTS])


def count_attempt_of(request: int) -> list[int]:
    """Count an attempt of one request. Returns its id, unless it is gone or another worker has it."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_ATTEMPT_OF, [request])
        return [found for (found,) in cursor.fetchall()]


def uncount_attempts(ids: list[int]) -> None:
    """Take back an attempt of each."""
    with connection.cursor() as cursor:
        cursor.execute(_UNCOUNT, [ids])


def take(ids: list[int]) -> list[Claim]:
    """Lock requests for this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [ids])
        return [_claim(*row) for row in cursor.fetchall()]


def _claim(
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
    # Django leaves jsonb of its own cursors as text.
    parts = Parts(dialect, encoding, bytes(body), received_at, strict, json.loads(context))
    return Claim(pk, owner_id, key_id, attempts, events, parts)


def remove(ids: list[int]) -> None:
    """Remove filed requests, in the transaction that files them."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ingestion_inboxrequest WHERE id = ANY(%s)", [ids])
