"""Verification: do tables and counters agree? In one snapshot, so that it can run at any time."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection, transaction

from events.event import Event
from events.kinds import KINDS
from events.sessions import verification as sessions


class Question(NamedTuple):
    """A statement that returns a row for each difference, and what such a row means."""

    name: str
    sql: str


def _kind_questions() -> Iterator[Question]:
    event = Event._meta.db_table
    for name, entry in KINDS.items():
        table = entry.model._meta.db_table
        yield Question(
            f"{name}: envelopes without a row of the kind",
            f"SELECT e.id FROM {event} e LEFT JOIN {table} k ON k.id = e.id"  # noqa: S608  (names are ours)
            f" WHERE e.kind = '{name}' AND k.id IS NULL",
        )
        yield Question(
            f"{name}: rows of the kind without an envelope",
            f"SELECT k.id FROM {table} k LEFT JOIN {event} e ON e.id = k.id AND e.kind = '{name}'"  # noqa: S608
            " WHERE e.id IS NULL",
        )


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

QUESTIONS = (
    *_kind_questions(),
    Question("counters and events disagree", _COUNTERS),
    Question("removed events are not those that are gone", _REMOVED),
    Question("counters and rejected events disagree", _REJECTED),
    Question("received is not stored + duplicates + rejected", _BALANCE),
    Question("an id is not of the time of its event", _TIMES),
    *(Question(*question) for question in sessions.CHECKS),
)
SHOWN = 10  # differences of each question


class Difference(NamedTuple):
    """A question that found something."""

    name: str
    found: int
    rows: list[tuple[Any, ...]]


class Totals(NamedTuple):
    """What there is, for the one line that a good verification prints."""

    events: int
    rejected: int
    waiting: int
    unsummarised: int  # keys of sessions, whose sessions are not compared


def differences() -> Iterator[Difference | None]:
    """The answer to each of `QUESTIONS` in turn: None where all agrees. Use inside `snapshot()`."""
    for question in QUESTIONS:
        with connection.cursor() as cursor:
            cursor.execute(  # the statements are those above
                f"WITH difference AS ({question.sql}) SELECT count(*) OVER (), * FROM difference"  # noqa: S608
                f" LIMIT {SHOWN}"
            )
            rows = cursor.fetchall()
        yield Difference(question.name, rows[0][0], [row[1:] for row in rows]) if rows else None


def totals() -> Totals:
    """Events, rejected events, acknowledged events that wait, and sessions that wait to be summed up."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM events_event), (SELECT count(*) FROM ingestion_rejectedevent),"  # noqa: S608
            f" (SELECT coalesce(sum(events), 0) FROM ingestion_inboxrequest), ({sessions.PENDING})"
        )
        return Totals(*cursor.fetchone())


def snapshot() -> transaction.Atomic:
    """A transaction; call `freeze` first thing in it."""
    return transaction.atomic()


def freeze() -> None:
    """Let all that follows in this transaction see one moment, for as long as it takes."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
