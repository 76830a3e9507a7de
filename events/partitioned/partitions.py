"""Weekly partitions: lists them with their sizes, and creates future ones, or one for a late event on demand.

A partition is created next to open readers and writers: CREATE TABLE (LIKE …) with a CHECK that ATTACH can
trust, then ATTACH, which only takes SHARE UPDATE EXCLUSIVE on the parent. `PARTITION OF` would wait for every
open transaction. There is no default partition: ATTACH would have to scan it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models.signals import post_migrate
from django.utils import timezone

from events.identity import first_id, week_of
from events.lib.formatting import size_text
from events.partitioned.marker import PartitionedById

WEEK = timedelta(days=7)
# Creating the same partition twice at once would fail, so one at a time. The number is an arbitrary constant.
_ADVISORY_LOCK = 7_480_255_001


def partitioned_tables() -> list[str]:
    """Return the parent tables, envelope first."""
    return [model._meta.db_table for model in apps.get_models() if issubclass(model, PartitionedById)]


def partition_name(table: str, week: datetime) -> str:
    """Return the name of a table's partition for the week that begins on `week`."""
    return f"{table}_{week:%Y%m%d}"


def existing_partitions() -> set[str]:
    """Return the names of all attached partitions, with one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname FROM pg_inherits"
            " JOIN pg_class child ON child.oid = inhrelid"
            " JOIN pg_class parent ON parent.oid = inhparent"
            " WHERE parent.relname = ANY(%s) AND parent.relnamespace = current_schema()::regnamespace"
            " AND child.relkind = 'r'",
            [partitioned_tables()],
        )
        return {name for (name,) in cursor.fetchall()}


def missing_partitions(weeks: Iterable[datetime]) -> list[tuple[str, datetime]]:
    """Return the (table, week) pairs without a partition, oldest first."""
    present = existing_partitions()
    return [
        (table, week)
        for week in sorted(weeks)
        for table in partitioned_tables()
        if partition_name(table, week) not in present
    ]


def make_partitions(weeks: Iterable[datetime], using: BaseDatabaseWrapper | None = None) -> list[str]:
    """Create the missing partitions of weeks, each in its own transaction, and return their names.

    `using`: a separate connection, needed if the caller is in a transaction.
    """
    made = []
    for table, week in missing_partitions(weeks):
        with (using or connection).cursor() as cursor:
            cursor.execute(_making(table, week))
        made.append(partition_name(table, week))
    return made


def weeks_ahead(now: datetime) -> list[datetime]:
    """Return last week, this week and the weeks whose partitions must exist in advance."""
    return [week_of(now) + n * WEEK for n in range(-1, settings.PARTITION_WEEKS_AHEAD + 1)]


def _making(table: str, week: datetime) -> str:
    """Return the statement that makes a partition unless another process was faster, in one transaction."""
    name = partition_name(table, week)
    low, high = first_id(week), first_id(week + WEEK)
    return f"""
    DO $make$ BEGIN
      PERFORM pg_advisory_xact_lock({_ADVISORY_LOCK});
      IF to_regclass('"{name}"') IS NULL THEN
        CREATE TABLE "{name}" (LIKE "{table}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE);
        ALTER TABLE "{name}" ADD CONSTRAINT "{name}_week" CHECK (id >= '{low}' AND id < '{high}');
        ALTER TABLE "{table}" ATTACH PARTITION "{name}" FOR VALUES FROM ('{low}') TO ('{high}');
        ALTER TABLE "{name}" DROP CONSTRAINT "{name}_week";
        {_times(table, week)}
      END IF;
    END $make$
    """


def _times(table: str, week: datetime) -> str:
    """Return the statement that declares which times of occurrence the week of the envelope has.

    Their ids say the same, but PostgreSQL can't know. With this, a condition on `occurred_at` skips weeks.
    """
    if table != partitioned_tables()[0]:
        return ""
    name = partition_name(table, week)
    return (
        f'ALTER TABLE "{name}" ADD CONSTRAINT "{name}_times"'
        f" CHECK (occurred_at >= '{week.isoformat()}' AND occurred_at < '{(week + WEEK).isoformat()}');"
    )


def constrain_times(cursor: CursorWrapper) -> None:
    """Declare the times of the weeks whose partitions were created without."""
    table = partitioned_tables()[0]
    cursor.execute(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
        " WHERE inhparent = to_regclass(%s) AND NOT EXISTS ("
        "   SELECT FROM pg_constraint WHERE conrelid = child.oid AND conname = child.relname || '_times')",
        [table],
    )
    for (name,) in cursor.fetchall():
        week = datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC)
        cursor.execute(_times(table, week))


def _after_migrate(sender: Any, **_: object) -> None:
    """Create future partitions after this app's tables exist."""
    if sender.name == "events" and connection.vendor == "postgresql":
        make_partitions(weeks_ahead(timezone.now()))


def connect() -> None:
    """Create partitions after `migrate`."""
    post_migrate.connect(_after_migrate, dispatch_uid="events.partitioned.partitions")


# Estimates of the last ANALYZE, since counting would read every row.
_SIZES = """
SELECT right(child.relname, 8), count(*), sum(greatest(child.reltuples, 0))
         FILTER (WHERE parent.relname = %s)::bigint,
       sum(pg_total_relation_size(child.oid))::bigint
FROM pg_inherits
JOIN pg_class child ON child.oid = inhrelid
JOIN pg_class parent ON parent.oid = inhparent
WHERE parent.relname = ANY(%s) AND parent.relnamespace = current_schema()::regnamespace
  AND child.relkind = 'r'
GROUP BY 1 ORDER BY 1 DESC
"""


@dataclass(frozen=True)
class Week:
    """The partitions of one week."""

    begins: date
    partitions: int
    events: int
    size: int  # bytes, with indexes

    @property
    def events_text(self) -> str:
        """Return the estimated number of events."""
        return f"{self.events:,}"

    @property
    def size_text(self) -> str:
        """Return the size on disk."""
        return size_text(self.size)


def weeks() -> list[Week]:
    """Return the weeks that have partitions, newest first."""
    tables = partitioned_tables()
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, [tables[0], tables])
        return [
            Week(date.fromisoformat(week), count, events or 0, size)
            for week, count, events, size in cursor.fetchall()
        ]
