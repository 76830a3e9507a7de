"""Verification that tables and counters agree, in one snapshot, so that it can run at any time."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier, Literal

from events.kinds import KINDS
from events.sessions import verification as sessions


class Check(NamedTuple):
    """A statement that returns one row per difference, and what such a row means."""

    name: str
    sql: str
    kind: str = ""  # that it is about; empty: all kinds


_WITHOUT_DETAIL = """
SELECT e.id FROM events_event e LEFT JOIN {detail} k ON k.id = e.id WHERE e.kind = {kind} AND k.id IS NULL
"""
_WITHOUT_ENVELOPE = """
SELECT k.id FROM {detail} k LEFT JOIN events_event e ON e.id = k.id AND e.kind = {kind} WHERE e.id IS NULL
"""


def _kind_checks() -> Iterator[Check]:
    for name, entry in KINDS.items():
        names = {"detail": Identifier(entry.model._meta.db_table), "kind": Literal(name)}
        for what, sql in (
            ("envelopes without a row of the kind", SQL(_WITHOUT_DETAIL)),
            ("rows of the kind without an envelope", SQL(_WITHOUT_ENVELOPE)),
        ):
            yield Check(f"{name}: {what}", sql.format(**names).as_string(), name)


# What was removed is taken off in its hour of receipt, so that each hour is proved for itself.
_COUNTERS = """
SELECT owner_id, source_id, kind, dialect, hour, counted.stored, found.stored, counted.billed, found.billed,
       counted.wire, found.wire
FROM (SELECT owner_id, source_id, kind, dialect, hour, stored - gone AS stored,
             billed_bytes - gone_bytes AS billed, wire_bytes - gone_wire_bytes AS wire
      FROM events_usagehour
      WHERE (stored, billed_bytes, wire_bytes) <> (gone, gone_bytes, gone_wire_bytes)) counted
FULL JOIN (SELECT owner_id, source_id, kind, dialect, date_trunc('hour', received_at, 'UTC') AS hour,
                  count(*) AS stored, sum(billed_bytes) AS billed, sum(wire_bytes) AS wire
           FROM events_event GROUP BY 1, 2, 3, 4, 5) found USING (owner_id, source_id, kind, dialect, hour)
WHERE (counted.stored, counted.billed, counted.wire) IS DISTINCT FROM (found.stored, found.billed, found.wire)
"""

_REMOVED = """
SELECT owner_id, source_id, kind, dialect, sum(removed), sum(gone), sum(removed_bytes), sum(gone_bytes)
FROM events_usagehour GROUP BY 1, 2, 3, 4
HAVING (sum(removed), sum(removed_bytes)) <> (sum(gone), sum(gone_bytes))
"""

# A discarded event was rejected, and stays counted so.
_REJECTED = """
SELECT owner_id, source_id, kind, dialect, hour, counted.rejected, found.rejected
FROM (SELECT owner_id, source_id, kind, dialect, hour, rejected
      FROM events_usagehour WHERE rejected > 0) counted
FULL JOIN (SELECT owner_id, source_id, kind, dialect, date_trunc('hour', received_at, 'UTC') AS hour,
                  count(*) AS rejected
           FROM (SELECT owner_id, source_id, kind, dialect, received_at FROM ingestion_rejectedevent
                 UNION ALL
                 SELECT owner_id, source_id, kind, dialect, received_at FROM ingestion_discardedevent) kept
           GROUP BY 1, 2, 3, 4, 5) found
     USING (owner_id, source_id, kind, dialect, hour)
WHERE counted.rejected IS DISTINCT FROM found.rejected
"""

_BALANCE = """
SELECT owner_id, source_id, kind, dialect, hour, received, stored, duplicates, rejected
FROM events_usagehour WHERE received <> stored + duplicates + rejected
"""

# The first 48 bits of an id are the milliseconds of occurrence.
_TIMES = """
SELECT id, occurred_at FROM events_event
WHERE floor(extract(epoch FROM occurred_at) * 1000)::bigint
      <> ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint
"""

CHECKS = (
    *_kind_checks(),
    Check("usage and events disagree", _COUNTERS),
    Check("removed events don't match usage", _REMOVED),
    Check("usage and rejected events disagree", _REJECTED),
    Check("received is not stored + duplicates + rejected", _BALANCE),
    Check("an ID doesn't match its event's time of occurrence", _TIMES),
    *(Check(*check) for check in sessions.CHECKS),
)


class Difference(NamedTuple):
    """A check that found differences."""

    name: str
    found: int
    rows: list[tuple[object, ...]]


class Totals(NamedTuple):
    """The totals that a successful verification prints."""

    events: int
    rejected: int
    waiting: int
    unsummarised: int  # keys of sessions, whose sessions are not compared


def differences(checks: Iterable[Check] = CHECKS) -> Iterator[Difference | None]:
    """Run checks in turn; yield None where all agrees. Use inside `snapshot()`."""
    for check in checks:
        sql = "WITH difference AS (", check.sql, ") SELECT count(*) OVER (), * FROM difference LIMIT 10"
        with connection.cursor() as cursor:
            cursor.execute("".join(sql))
            rows = cursor.fetchall()
        yield Difference(check.name, rows[0][0], [row[1:] for row in rows]) if rows else None


def totals() -> Totals:
    """Return the numbers of stored, rejected and waiting events, and of pending sessions."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT (SELECT count(*) FROM events_event), (SELECT count(*) FROM ingestion_rejectedevent),
                   (SELECT coalesce(sum(events), 0) FROM ingestion_inboxrequest)
        """)
        events, rejected, waiting = cursor.fetchone()
        cursor.execute(sessions.PENDING)
        return Totals(events, rejected, waiting, *cursor.fetchone())


def snapshot() -> transaction.Atomic:
    """Return a transaction; call `freeze` first in it."""
    return transaction.atomic()


def freeze() -> None:
    """Let all statements of this transaction read one snapshot, however long they take."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
