"""Reads the events of many sessions as a stream of records, with one statement.

The statement is written to force its plan, because a new week's partition has no statistics. The windows are
processed one by one (LATERAL with OFFSET or LIMIT can't become a hash join), each by the index on session or
device and its range of ids. Owner and source are compared by IS NOT DISTINCT FROM, which can't use an index:
the index on owner would read all of the owner's events in the range. The bounds of the whole statement are
literals, so that partitions are pruned at planning. A kind's table is only read for events of that kind.
"""

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from psycopg.sql import SQL, Composed, Identifier, Literal

from events.event import INDEXED
from events.identity import MILLISECOND, first_id, first_number
from events.kinds import KINDS
from events.lib.sql import each
from events.sessions.record import DETAILS, Record
from events.store.copying import array, id_array, text_array
from events.store.pending import SessionKey

FETCHED = 5_000  # rows that are in memory at a time


class Window(NamedTuple):
    """A key's events from `since` to `until`, both included."""

    key: SessionKey
    since: datetime
    until: datetime


def read(windows: Sequence[Window], most: int | None) -> Generator[tuple[int, Record]]:
    """Yield the events of windows, each with its window's index, in the order of (index, id).

    `most` limits the events of each window; the rest is omitted.
    """
    for by_device in (False, True):
        part = [
            (index, window)
            for index, window in enumerate(windows)
            if (window.key.session is None) == by_device
        ]
        if part:
            yield from _read(part, most, "device" if by_device else "session")


def _read(part: Sequence[tuple[int, Window]], most: int | None, column: str) -> Generator[tuple[int, Record]]:
    sql, parameters = statement(part, most, column)
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(FETCHED):
            for row in rows:
                yield row[0], Record._make(row[1:])


def statement(part: Sequence[tuple[int, Window]], most: int | None, column: str) -> tuple[str, list[Any]]:
    """Return the statement for windows whose events are found by `column`, session or device."""
    low = first_id(min(window.since for _, window in part))
    high = first_id(max(window.until for _, window in part) + MILLISECOND)
    parameters = [
        array(index for index, _ in part),
        array(window.key.owner_id for _, window in part),
        array(window.key.source_id for _, window in part),
        text_array([getattr(window.key, column) for _, window in part]),
        text_array([window.key.channel for _, window in part]),
        id_array(first_number(window.since) for _, window in part),
        id_array(first_number(window.until + MILLISECOND) for _, window in part),
    ]
    # Literals, so that partitions are pruned at planning.
    bounds = {"low": Literal(str(low)), "high": Literal(str(high))}
    statement = _STATEMENT.format(
        details=_details(bounds),
        columns=each("e.{name}", _ENVELOPE),
        column=Identifier(column),
        indexed=Literal(INDEXED),
        condition=_CONDITIONS[column],
        bounds=_BOUNDS.format(id=SQL("e.id"), **bounds),
        fence=SQL("OFFSET 0") if most is None else SQL("LIMIT {}").format(Literal(most)),
    )
    return statement.as_string(), parameters


_STATEMENT = SQL("""
SELECT wanted.n, e.id, e.kind, e.dialect, {details}, {columns}
FROM (SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::uuid[],
                           %s::uuid[]) AS listed (n, owner_id, source_id, name, channel, low, high)
      ORDER BY n OFFSET 0) wanted
CROSS JOIN LATERAL (
  SELECT * FROM events_event e
  WHERE left(e.{column}, {indexed}) = left(wanted.name, {indexed}) AND {condition}
    AND e.id >= wanted.low AND e.id < wanted.high AND {bounds}
    AND e.{column} IS NOT DISTINCT FROM wanted.name
    AND e.owner_id IS NOT DISTINCT FROM wanted.owner_id AND e.source_id IS NOT DISTINCT FROM wanted.source_id
  {fence}) e
ORDER BY wanted.n, e.id
""")
_BOUNDS = SQL("{id} >= {low} AND {id} < {high}")
_CONDITIONS = {
    "session": SQL("e.session IS NOT NULL"),
    "device": SQL(
        "e.session IS NULL AND e.device IS NOT NULL AND e.channel IS NOT DISTINCT FROM wanted.channel"
    ),
}
_DETAIL = SQL("WHEN {kind} THEN (SELECT ARRAY[{columns}] FROM {table} d WHERE d.id = e.id AND {bounds})")
# The fields of a record that are columns of the envelope.
_ENVELOPE = Record._fields[4:]


def _details(bounds: dict[str, Literal]) -> Composed:
    """Compose the columns of the kinds' own tables that summaries need, as an array of texts."""
    cases = [
        _DETAIL.format(
            kind=Literal(kind),
            columns=each("d.{name}::text", names),
            table=Identifier(KINDS[kind].model._meta.db_table),
            bounds=_BOUNDS.format(id=SQL("d.id"), **bounds),
        )
        for kind, names in DETAILS.items()
    ]
    return SQL("CASE e.kind {} END").format(SQL(" ").join(cases))
