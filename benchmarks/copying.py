"""The reference of batch ingest: raw COPY of the same final rows, ready-made bytes, one connection."""

import time
from collections.abc import Sequence

from django.db import OperationalError, connection

from events.event import Event
from events.kinds import KINDS
from events.partitioned.partitions import partitioned_tables

TRIES = 10
BLOCK = 2_000  # rows of one transaction, as a drain would write


def _copy_out(table: str, ids: Sequence[object]) -> bytes:
    with (
        connection.cursor() as cursor,
        cursor.copy(
            f"COPY (SELECT * FROM {table} WHERE id = ANY(%s) ORDER BY id) TO STDOUT", [list(ids)]
        ) as copy,
    ):
        return b"".join(bytes(piece) for piece in copy)


def blocks() -> list[dict[str, bytes]]:
    """The stored rows as COPY text, in blocks by id; each block has the bytes of every table."""
    ids = list(Event.objects.order_by("id").values_list("id", "kind"))
    made = []
    for start in range(0, len(ids), BLOCK):
        part = ids[start : start + BLOCK]
        tables = {"events_event": _copy_out("events_event", [pk for pk, _ in part])}
        for kind in {kind for _, kind in part}:
            table = KINDS[kind].model._meta.db_table
            tables[table] = _copy_out(table, [pk for pk, found in part if found == kind])
        made.append(tables)
    return made


def empty() -> None:
    """Empty inbox and all tables of events; a worker that sums sessions up may be in the way for a moment."""
    for _ in range(TRIES - 1):
        try:
            _empty()
        except OperationalError:
            time.sleep(1)
        else:
            return
    _empty()


def _empty() -> None:
    with connection.cursor() as cursor:
        # Waits for the blocks that workers hold; with nothing left to file they won't meet the TRUNCATE.
        cursor.execute("DELETE FROM ingestion_inboxrequest")
        cursor.execute(
            f"TRUNCATE {', '.join(partitioned_tables())}, events_usagehour, events_warninghour,"
            " events_touchedsession, events_session, events_sessionpage, events_sessionenv,"
            " events_sessioneventcount, events_sessionredirect, events_largesession,"
            " ingestion_rejectedevent, ingestion_inboxrequest"
        )


def copy_in(ready: list[dict[str, bytes]]) -> float:
    """Seconds that COPY of the ready blocks takes, one transaction a block."""
    raw = connection.connection
    began = time.perf_counter()
    for tables in ready:
        with raw.transaction(), raw.cursor() as cursor:
            for table, rows in tables.items():
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)
    return time.perf_counter() - began
