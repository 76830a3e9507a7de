"""Removing: whole weeks of events leave the tables with their partitions, and what leaves is counted.

Each step belongs into one transaction, in this order, which `events.removal` keeps: so no two lock orders
cross with filing, which writes events first and counters last.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection

from events.event import Event
from events.partitions import WEEK, existing_partitions, partition_name, partitioned_tables
from events.store.usage import Tally, UsageKey, hour_of

# One removes at a time. Any constant does, it must only be ours.
_ADVISORY_LOCK = 7_480_255_002
LOCK_TIMEOUT_MS = 2_000  # while we wait for readers to finish, all others wait behind us


class Leaving(NamedTuple):
    """Events of one owner, source, kind, dialect and hour of receipt that are being removed."""

    owner_id: int
    source_id: int
    kind: str
    dialect: str
    hour: datetime
    events: int
    billed_bytes: int
    wire_bytes: int


def weeks() -> list[datetime]:
    """The weeks that have partitions, oldest first."""
    found = {
        datetime.strptime(name.rpartition("_")[2], "%Y%m%d").replace(tzinfo=UTC)
        for name in existing_partitions()
    }
    return sorted(found)


def weeks_before(before: datetime) -> list[datetime]:
    """Those that end at `before` or earlier."""
    return [week for week in weeks() if week + WEEK <= before]


def is_alone() -> bool:
    """Whether nobody else removes, for as long as this transaction takes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        found: bool = cursor.fetchone()[0]
        return found


def hold(week: datetime) -> None:
    """Let nobody file into a week any more until this transaction ends. Raises where that takes too long."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS:d}")
        for name in _present(week, [Event._meta.db_table]):
            cursor.execute(f'LOCK TABLE "{name}" IN SHARE MODE')


def counted(week: datetime) -> list[Leaving]:
    """What a week has, read once from its one partition, however long that takes; in a transaction."""
    found: list[Leaving] = []
    for name in _present(week, [Event._meta.db_table]):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(
                "SELECT owner_id, source_id, kind, dialect, date_trunc('hour', received_at, 'UTC'), count(*),"  # noqa: S608
                f' sum(billed_bytes), sum(wire_bytes) FROM "{name}" GROUP BY 1, 2, 3, 4, 5'
            )
            found += [Leaving(*row) for row in cursor.fetchall()]
    return found


_UNFINISHED = """
SELECT (SELECT count(*) FROM events_touchedquarter
        WHERE quarter >= %(since)s AND quarter < %(until)s AND NOT of_sessions),
       (SELECT count(*) FROM events_touchedsession WHERE since < %(until)s AND until >= %(since)s)
"""


def unfinished(week: datetime) -> str:
    """Return what is still to be computed from a week's events, in words; empty where nothing is."""
    with connection.cursor() as cursor:
        cursor.execute(_UNFINISHED, {"since": week, "until": week + WEEK})
        quarters, sessions = cursor.fetchone()
    said = [(quarters, "quarters of an hour of rollups"), (sessions, "rows of sessions")]
    return " and ".join(f"{count:,} {what}" for count, what in said if count)


def touch_quarters(week: datetime) -> None:
    """Let the reports' rollups of a week be computed again, from the nothing that will be left of it."""
    for name in _present(week, [Event._meta.db_table]):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO events_touchedquarter (owner_id, quarter, of_sessions)"  # noqa: S608
                " SELECT DISTINCT owner_id, date_bin('15 minutes', occurred_at, 'epoch'::timestamptz), false"
                f' FROM "{name}"'
            )


def drop(week: datetime) -> None:
    """Drop the partitions of a week from all tables.

    DROP waits for all who read or write these tables, and they for it; so all locks are taken first, and the
    rest takes milliseconds. Raises where somebody reads for longer than the lock timeout.
    """
    tables = partitioned_tables()
    parents = ", ".join(f'ONLY "{table}"' for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {parents} IN ACCESS EXCLUSIVE MODE")
        for name in _present(week, tables):
            cursor.execute(f'DROP TABLE "{name}"')


def _present(week: datetime, tables: Sequence[str]) -> list[str]:
    """The partitions of a week that there are."""
    there = existing_partitions()
    return [name for table in tables if (name := partition_name(table, week)) in there]


def tally(leaving: Iterable[Leaving], now: datetime) -> Tally:
    """What is to be counted: events are gone from the hour of their receipt, and removed in this one."""
    made = Tally()
    for each in leaving:
        received = UsageKey(each.owner_id, each.hour, each.source_id, each.kind, each.dialect)
        made.count(received, gone=each.events, gone_bytes=each.billed_bytes, gone_wire_bytes=each.wire_bytes)
        made.count(received._replace(hour=hour_of(now)), removed=each.events, removed_bytes=each.billed_bytes)
    return made
