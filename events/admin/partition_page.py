"""The page of partitions, for operators: weeks, rows, sizes. From the catalogue, never from events."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse

from events.admin.scope import scope_of
from events.partitions import partitioned_tables

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
        return filesizeformat(self.size)


def weeks() -> list[Week]:
    """The weeks that have partitions, newest first."""
    tables = partitioned_tables()
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, [tables[0], tables])
        return [
            Week(date.fromisoformat(week), count, events or 0, size)
            for week, count, events, size in cursor.fetchall()
        ]


def answer(found: list[Week]) -> str:
    """The page in a sentence."""
    if not found:
        return "There are no partitions yet: run manage.py manage_partitions."
    events, size = sum(week.events for week in found), sum(week.size for week in found)
    return f"About {events:,} events in {len(found)} weeks take {filesizeformat(size)}, indexes included."


def page(request: HttpRequest, site: Any) -> HttpResponse:
    """The page itself."""
    if not scope_of(request).is_operator:
        raise PermissionDenied
    found = weeks()
    context = {**site.each_context(request), "title": "Partitions", "answer": answer(found), "weeks": found}
    return TemplateResponse(request, "admin/partitions.html", context)
