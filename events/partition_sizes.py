"""Partition sizes: weeks, rows, bytes. From the catalogue, never from events."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from events.partitions import partitioned_tables
from events.words import size_text

# Estimates of the last ANALYZE: counting would read every row.
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
        """How many events, for people."""
        return f"{self.events:,}"

    @property
    def size_text(self) -> str:
        """How large, for people."""
        return size_text(self.size)


def weeks() -> list[Week]:
    """The weeks that have partitions, newest first."""
    tables = partitioned_tables()
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, [tables[0], tables])
        return [
            Week(date.fromisoformat(week), count, events or 0, size)
            for week, count, events, size in cursor.fetchall()
        ]
