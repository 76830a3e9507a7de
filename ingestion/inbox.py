"""The inbox: requests as received. What stands here was acknowledged and will be filed."""

import json
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from psycopg.pq import Format

from events.ownership.api_key import ApiKey
from events.ownership.owner import Owner
from ingestion.decoding import Parts
from ingestion.prepared import Prepared


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
# The bounds are held by running sums, so one large request still makes a block.
_COUNT_ATTEMPTS = """
WITH waiting AS (
    SELECT id, events, octet_length(body) AS bytes FROM ingestion_inboxrequest
    WHERE attempts < %(below)s ORDER BY id LIMIT %(requests)s FOR UPDATE SKIP LOCKED
), bounded AS (
    SELECT id, row_number() OVER running AS place,
           sum(events) OVER running AS events, sum(bytes) OVER running AS bytes
    FROM waiting WINDOW running AS (ORDER BY id)
)
UPDATE ingestion_inboxrequest inbox SET attempts = inbox.attempts + 1 FROM bounded
WHERE inbox.id = bounded.id AND (place = 1 OR (bounded.events <= %(events)s AND bounded.bytes <= %(bytes)s))
RETURNING inbox.id
"""

# Those that were tried often take turns.
_COUNT_ATTEMPT_OF_SUSPECT = """
UPDATE ingestion_inboxrequest SET attempts = least(attempts + 1, 1000) WHERE id = (
    SELECT id FROM ingestion_inboxrequest WHERE attempts >= %s
    ORDER BY attempts, id LIMIT 1 FOR UPDATE SKIP LOCKED
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


def count_attempts(*, below: int, requests: int, events: int, bytes_: int) -> list[int]:
    """Choose the next block within the bounds and count an attempt on each; returns the ids in order.

    None in it was tried `below` times or more.
    """
    bounds = {"below": below, "requests": requests, "events": events, "bytes": bytes_}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_ATTEMPTS, bounds)
        return sorted(found for (found,) in cursor.fetchall())


def count_attempt_of_suspect(attempts: int) -> list[int]:
    """Choose one request that was tried so often or more and count an attempt; its id, if there is one."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_ATTEMPT_OF_SUSPECT, [attempts])
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
