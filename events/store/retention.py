"""Retention: which weeks of events, sessions and rollups are stored, and the removal of a week of events.

Sessions and rollups may be kept longer than their events. Such time is sealed: it can't be computed again, so
nothing recomputes it, and no event is filed into it.

A week is removed with its partitions. `events.removal` calls the steps in one transaction, in the order given
here, so that no two lock orders cross with filing, which writes events first and counters last.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection, models
from psycopg.sql import SQL, Identifier

from events.event import Event
from events.lib.sql import each
from events.partitioned.partitions import WEEK, existing_partitions, partition_name, partitioned_tables
from events.store.usage import UsageDelta, UsageKey, hour_of

# The end of the sealed time, as SQL; NULL if nothing is sealed.
SEALED_UNTIL = SQL(
    "(SELECT max(sealed_until) FROM events_retained"
    " WHERE reports_since IS NULL OR reports_since < sealed_until)"
)
# The same, or the earliest possible time if nothing is sealed.
COMPUTED_SINCE = SQL("coalesce({}, '-infinity'::timestamptz)").format(SEALED_UNTIL)


class Retained(models.Model):
    """The single row with the times since when events, sessions and rollups are kept."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    events_since = models.DateTimeField(null=True, help_text="Events before this time were removed.")
    sealed_until = models.DateTimeField(
        null=True,
        help_text="End of the last week whose events were removed while its sessions and rollups were kept.",
    )
    reports_since = models.DateTimeField(
        null=True, help_text="Sessions and rollups before this time were removed."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="retained_once")]

    def __str__(self) -> str:
        return f"events since {self.events_since}, reports since {self.reports_since}"


class Retention(NamedTuple):
    """The times since when events, and sessions and rollups, are kept; None if nothing was removed."""

    events: datetime | None = None
    sealed: datetime | None = None
    reports: datetime | None = None

    @property
    def sealed_until(self) -> datetime | None:
        """Return the end of the sealed time, or None if nothing is sealed."""
        return self.sealed if self.sealed and (not self.reports or self.reports < self.sealed) else None

    @property
    def sentence(self) -> str:
        """Return a sentence about the retention of single events; empty if none were removed."""
        if self.events is None:
            return ""
        said = f"Single events are kept since {_day(self.events)}"
        if self.sealed_until is None:
            return f"{said}; earlier figures were removed with the events."
        if self.reports is None:
            return f"{said}; earlier figures come from summaries."
        return f"{said}; earlier figures come from summaries, kept since {_day(self.reports)}."


NOTHING_REMOVED = Retention()


def _day(at: datetime) -> str:
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y}"


def current() -> Retention:
    """Return the current retention, with one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT events_since, sealed_until, reports_since FROM events_retained")
        return Retention(*(cursor.fetchone() or ()))


def sealed_until() -> datetime | None:
    """Return the end of the sealed time; one statement."""
    return current().sealed_until


def note_events_removed(until: datetime, *, reports_kept: bool) -> None:
    """Record that events before a time were removed, with or without their sessions and rollups."""
    found = current()
    is_first = found.sealed_until is None
    _advance(until, until if reports_kept else None, until if is_first and not reports_kept else None)


def note_reports_removed(until: datetime) -> None:
    """Record that sessions and rollups before a time were removed."""
    _advance(None, None, until)


def _advance(*times: datetime | None) -> None:
    """Advance the times; none moves back."""
    with connection.cursor() as cursor:
        cursor.execute(_ADVANCE, times)


_ADVANCE = """
INSERT INTO events_retained AS kept (id, events_since, sealed_until, reports_since) VALUES (1, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET
    events_since = greatest(kept.events_since, excluded.events_since),
    sealed_until = greatest(kept.sealed_until, excluded.sealed_until),
    reports_since = greatest(kept.reports_since, excluded.reports_since)
"""

# One process removes at a time. The number is an arbitrary constant.
_ADVISORY_LOCK = 7_480_255_002
LOCK_TIMEOUT_MS = 2_000  # while this waits for readers to finish, all others wait behind it


class RemovedCount(NamedTuple):
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
    """Return the weeks that have partitions, oldest first."""
    found = {
        datetime.strptime(name.rpartition("_")[2], "%Y%m%d").replace(tzinfo=UTC)
        for name in existing_partitions()
    }
    return sorted(found)


def weeks_before(before: datetime) -> list[datetime]:
    """Return the weeks that end at `before` or earlier."""
    return [week for week in weeks() if week + WEEK <= before]


def try_lock() -> bool:
    """True if no other process removes a week, until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        found: bool = cursor.fetchone()[0]
        return found


def lock_week(week: datetime) -> None:
    """Keep other transactions from filing into a week until this one ends. Raises if that takes too long."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS:d}")
        for name in _present(week, [Event._meta.db_table]):
            cursor.execute(SQL("LOCK TABLE {} IN SHARE MODE").format(Identifier(name)))


_COUNT_WEEK = SQL("""
SELECT owner_id, source_id, kind, dialect, date_trunc('hour', received_at, 'UTC'), count(*),
       sum(billed_bytes), sum(wire_bytes)
FROM {} GROUP BY 1, 2, 3, 4, 5
""")
_REQUEUE_QUARTERS = SQL("""
INSERT INTO events_touchedquarter (owner_id, quarter, of_sessions)
SELECT DISTINCT owner_id, date_bin('15 minutes', occurred_at, 'epoch'::timestamptz), false FROM {}
""")


def count_week(week: datetime) -> list[RemovedCount]:
    """Return the counts of a week, read from its one partition, without a statement timeout."""
    found: list[RemovedCount] = []
    for name in _present(week, [Event._meta.db_table]):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(_COUNT_WEEK.format(Identifier(name)))
            found += [RemovedCount(*row) for row in cursor.fetchall()]
    return found


_UNFINISHED = """
SELECT (SELECT count(*) FROM events_touchedquarter
        WHERE quarter >= %(since)s AND quarter < %(until)s AND NOT of_sessions),
       (SELECT count(*) FROM events_touchedsession WHERE since < %(until)s AND until >= %(since)s)
"""


def pending_work(week: datetime) -> str:
    """Return the pending work on a week's events in words; empty if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_UNFINISHED, {"since": week, "until": week + WEEK})
        quarters, sessions = cursor.fetchone()
    said = [(quarters, "quarters of an hour of rollups"), (sessions, "rows of sessions")]
    return " and ".join(f"{count:,} {what}" for count, what in said if count)


def requeue_quarters(week: datetime) -> None:
    """Queue the rollups of a week, to be computed without its events."""
    for name in _present(week, [Event._meta.db_table]):
        with connection.cursor() as cursor:
            cursor.execute(_REQUEUE_QUARTERS.format(Identifier(name)))


def drop_week(week: datetime) -> None:
    """Drop the partitions of a week from all tables.

    DROP waits for everybody who reads or writes these tables, and they wait for it. So all locks are taken
    first, and the rest takes milliseconds. Raises if somebody reads for longer than the lock timeout.
    """
    tables = partitioned_tables()
    with connection.cursor() as cursor:
        cursor.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(each("ONLY {name}", tables)))
        for name in _present(week, tables):
            cursor.execute(SQL("DROP TABLE {}").format(Identifier(name)))


def _present(week: datetime, tables: Sequence[str]) -> list[str]:
    """Return the existing partitions of a week."""
    there = existing_partitions()
    return [name for table in tables if (name := partition_name(table, week)) in there]


def removal_delta(counts: Iterable[RemovedCount], now: datetime) -> UsageDelta:
    """Return the usage delta: events leave their hour of receipt, and count as removed in this hour."""
    delta = UsageDelta()
    for count in counts:
        received = UsageKey(count.owner_id, count.hour, count.source_id, count.kind, count.dialect)
        delta.count(
            received, gone=count.events, gone_bytes=count.billed_bytes, gone_wire_bytes=count.wire_bytes
        )
        delta.count(
            received._replace(hour=hour_of(now)), removed=count.events, removed_bytes=count.billed_bytes
        )
    return delta
