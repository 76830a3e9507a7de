"""Writes summaries to the tables, many per statement. Unchanged rows aren't written.

The caller holds the lock of every key that it writes, so no two transactions write the same row.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection, models
from psycopg.sql import SQL, Identifier

from events.changes import change
from events.changes.change import What
from events.identity import moment
from events.lib.sql import each
from events.sessions.session import (
    Session,
    SessionEnv,
    SessionEventCount,
    SessionPage,
)
from events.sessions.summary import Summary
from events.sessions.summary_event import columns
from events.store.copying import Table, uuid_array
from events.store.pending import SessionKey

Row = dict[str, Any]


class ComputedSession(NamedTuple):
    """A computed session."""

    id: UUID
    key: SessionKey
    summary: Summary


def save(made: Sequence[ComputedSession], known: Collection[UUID]) -> None:
    """Write computed sessions to the tables; those in `known` existed before."""
    if not made:
        return
    # Keys with a session id are looked up by the id of their session, so one that isn't known is new.
    fresh = [each for each in made if each.key.session is not None and each.id not in known]
    other = [each for each in made if each.key.session is None or each.id in known]
    _SESSIONS.copy(map(_copied, fresh))
    changed = _upsert(Session, list(map(_session, other)))
    written = [*fresh, *(each for each in other if each.id in changed)]
    change.add_pairs(What.SESSIONS, ((each.key.owner_id, each.id.int) for each in written))
    before = [session.id for session in other if session.id in known]
    for model, table, rows_of in _PARTS:
        # A new session has no old parts to delete.
        _copy_parts(table, [row for each in fresh for row in rows_of(each)])
        _parts(model, before, [row for each in other for row in rows_of(each)])
    _redirect_no_longer(each.id for each in other if each.key.session is None)


def _copy_parts(table: Table, rows: Sequence[Row]) -> None:
    if rows:
        table.copy(rows)


def _redirect_no_longer(ids: Iterable[UUID]) -> None:
    """Remove redirects from ids in use again. Only ids of sessions split by inactivity ever change."""
    if (again := uuid_array(ids)) != "{}":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM events_sessionredirect WHERE old = ANY(%s::uuid[])", [again])


def remove(ids: Iterable[UUID], redirects: Mapping[UUID, UUID]) -> None:
    """Remove sessions; `redirects` maps their ids to the sessions that replace them."""
    gone = list(ids)
    if not gone:
        return
    for model in (SessionPage, SessionEnv, SessionEventCount):
        with connection.cursor() as cursor:
            table = Identifier(model._meta.db_table)
            cursor.execute(SQL("DELETE FROM {} WHERE session_id = ANY(%s)").format(table), [gone])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_session WHERE id = ANY(%s)", [gone])
        cursor.execute(
            "DELETE FROM events_sessionredirect WHERE current = ANY(%s) AND NOT current = ANY(%s)",
            [gone, list(redirects)],
        )
        moved = [list(redirects), list(redirects.values())]
        cursor.execute(
            "UPDATE events_sessionredirect r SET current = moved.new"
            " FROM unnest(%s::uuid[], %s::uuid[]) AS moved (old, new) WHERE r.current = moved.old",
            moved,
        )
        cursor.execute(
            "INSERT INTO events_sessionredirect (old, current) SELECT * FROM unnest(%s::uuid[], %s::uuid[])"
            " ON CONFLICT (old) DO UPDATE SET current = excluded.current",
            moved,
        )


def _session(made: ComputedSession) -> Row:
    row = columns(made.summary)
    row["started_at"] = moment(row.pop("started_ms"))
    row["ended_at"] = moment(row.pop("ended_ms"))
    return row | {
        "id": made.id,
        "owner_id": made.key.owner_id,
        "source_id": made.key.source_id,
        "session": made.key.session,
    }


def _copied(made: ComputedSession) -> Row:
    """Return the row of a session with ids as numbers, as COPY needs them."""
    row = _session(made)
    for name in _IDS:
        row[name] = row[name].int
    return row


_SESSIONS = Table(Session)
_IDS = ("id", "entry_event", "exit_event")


def _pages(made: ComputedSession) -> Iterable[Row]:
    for position, page in enumerate(made.summary.pages):
        yield {"session_id": made.id, "position": position, **page._asdict()}


def _environments(made: ComputedSession) -> Iterable[Row]:
    for position, environment in enumerate(made.summary.environments):
        yield {"session_id": made.id, "position": position, **environment._asdict()}


def _counts(made: ComputedSession) -> Iterable[Row]:
    for kind, count in made.summary.counts.items():
        yield {"session_id": made.id, "kind": kind, "count": count}


_PARTS: tuple[tuple[type[models.Model], Table, Callable[[ComputedSession], Iterable[Row]]], ...] = (
    (SessionPage, Table(SessionPage), _pages),
    (SessionEnv, Table(SessionEnv), _environments),
    (SessionEventCount, Table(SessionEventCount), _counts),
)


def _columns(model: type[models.Model]) -> list[str]:
    return [str(field.column) for field in model._meta.local_concrete_fields]


def _key(model: type[models.Model]) -> list[str]:
    return [str(field.column) for field in model._meta.pk_fields]


_UPSERT = SQL("""
INSERT INTO {table} ({columns})
SELECT {computed} FROM json_populate_recordset(NULL::{table}, %s::json) computed
{where}
ON CONFLICT ({key}) DO UPDATE SET {changes} RETURNING {session}
""")
_CHANGED = SQL("""
WHERE NOT EXISTS (SELECT FROM {table} t WHERE {same_key} AND ({stored}) IS NOT DISTINCT FROM ({computed}))
""")
_SAME_KEY: LiteralString = "t.{name} = computed.{name}"


@cache
def _upsert_statement(model: type[models.Model], *, new: bool) -> str:
    table, columns, key = Identifier(model._meta.db_table), _columns(model), _key(model)
    computed = each("computed.{name}", columns)
    changed = _CHANGED.format(
        table=table,
        same_key=each(_SAME_KEY, key, " AND "),
        stored=each("t.{name}", columns),
        computed=computed,
    )
    return _UPSERT.format(
        table=table,
        columns=each("{name}", columns),
        computed=computed,
        where=SQL("") if new else changed,
        key=each("{name}", key),
        changes=each("{name} = excluded.{name}", (name for name in columns if name not in key)),
        session=Identifier(model._meta.db_table, key[0]),
    ).as_string()


def _upsert(model: type[models.Model], rows: Sequence[Row], *, new: bool = False) -> set[UUID]:
    """Insert or update rows, except those already stored unchanged, because an update would write them again.

    If all are `new`, nothing is looked up first. Returns the sessions of the rows that were written.
    """
    if not rows:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_upsert_statement(model, new=new), [_json(rows)])
        return {session for (session,) in cursor.fetchall()}


def _parts(model: type[models.Model], ids: Sequence[UUID], rows: Sequence[Row]) -> None:
    """Insert or update parts of sessions; delete other parts of the sessions in `ids`."""
    if ids:
        _remove_others(model, ids, rows)
    _upsert(model, rows, new=not ids)


_REMOVE_OTHERS = SQL("""
DELETE FROM {table} t WHERE t.session_id = ANY(%s::uuid[]) AND NOT EXISTS
  (SELECT FROM json_populate_recordset(NULL::{table}, %s::json) computed WHERE {same_key})
""")


def _remove_others(model: type[models.Model], ids: Sequence[UUID], rows: Sequence[Row]) -> None:
    table, key = Identifier(model._meta.db_table), _key(model)
    statement = _REMOVE_OTHERS.format(table=table, same_key=each(_SAME_KEY, key, " AND "))
    with connection.cursor() as cursor:
        kept = _json([{name: row[name] for name in key} for row in rows])
        cursor.execute(statement, [uuid_array(ids), kept])


def _json(rows: Sequence[Row]) -> str:
    return msgspec.json.encode(rows).decode()
