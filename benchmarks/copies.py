"""Copies of the templates, made in SQL: new ids, times, owners, sessions, people; sizes as before.

A copy of all templates covers the same weeks with the same days and nights. What belongs together, a session,
moves together: up to an hour back. Texts that name somebody get other last characters, so lengths stay.
"""

from typing import NamedTuple

from django.apps import apps
from django.db import connection, transaction

from benchmarks import templates

# A share of the copies for each owner: the first has most, the last least.
_OWNER = f"owners[1 + floor({templates.OWNERS} * power(mod(copy * 0.6180339887, 1), 2))::int]"
_SHIFT = "mod(moved & 4194303, 3600000)"  # milliseconds; of the hash of what belongs together
# 48 bits of time, version 8, 12 bits of hash, variant, 62 bits of hash: see events/identity.py.
_ID = (
    "(lpad(to_hex(ms - shift), 12, '0') || '8' || left(own, 3)"
    " || substr(replace(id::text, '-', ''), 17, 3) || right(own, 13))::uuid"
)


def _renamed(column: str, by: str) -> str:
    """Another name of the same length; short ones, like `anonymous`, stay."""
    return (
        f"CASE WHEN length(row.{column}) >= 9"
        f" THEN left(row.{column}, -6) || right(to_hex(hashtextextended({by}, copy) | 16777216), 6)"
        f" ELSE row.{column} END"
    )


_ENVELOPE = {
    "owner_id": _OWNER,
    "session": _renamed("session", "row.session"),
    "actor": _renamed("actor", "row.actor"),
    "device": _renamed("device", "row.device"),
    "client_event_id": _renamed("client_event_id", "id::text"),
    "occurred_at": "row.occurred_at - shift * interval '1 ms'",
    "received_at": "row.received_at - shift * interval '1 ms'",
    # Filed when the worker's tick came, as in a lightly loaded stack.
    "ingested_at": "row.received_at - shift * interval '1 ms' + interval '481 ms'",
}


class RawEvent(NamedTuple):
    """A part of a plan that is one transaction: some templates, adjacent in time, with all their copies."""

    plan: int
    number: int
    first: int  # place of the first template
    last: int  # and of the one after the last
    copies: tuple[int, int]  # first and last
    events: int  # of the whole plan: the last copy may be of a part of the templates
    templates: int


def write(part: RawEvent) -> int:
    """Copy the rows of a slice into envelope and kind tables; return how many events these are."""
    values = {**part._asdict(), "low": part.copies[0], "high": part.copies[1]}
    made = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for table in templates.tables():
            cursor.execute(_statement(table), values)
            made = made or cursor.rowcount  # the envelopes come first
        cursor.execute("INSERT INTO bench.done VALUES (%(plan)s, %(number)s)", values)
    return made


def _statement(table: str) -> str:
    model = next(model for model in apps.get_models() if model._meta.db_table == table)
    columns = [str(field.column) for field in model._meta.local_fields]
    changed = {"id": _ID, **(_ENVELOPE if table == "events_event" else {})}
    values = ", ".join(changed.get(column, f'row."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    return f"""
    INSERT INTO {table} ({names})
    SELECT {values}
    FROM bench.template
    JOIN bench.{table} row USING (id)
    CROSS JOIN generate_series(%(low)s::bigint, %(high)s::bigint) copy
    CROSS JOIN LATERAL (SELECT lpad(to_hex(hashtextextended(id::text, copy)), 16, '0') AS own,
                               hashtextextended(belongs, copy) AS moved OFFSET 0) hashes
    CROSS JOIN LATERAL (SELECT {_SHIFT} AS shift OFFSET 0) shifts
    WHERE place >= %(first)s AND place < %(last)s
      AND (copy - %(low)s) * %(templates)s + number <= %(events)s
    ORDER BY ms - shift
    """
