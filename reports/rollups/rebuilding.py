"""Rebuilding: recomputes rollups from all events and sessions, one week of an owner at a time.

Every quarter of the week is aggregated by the same statements as a changed one, so the rows are identical. If
events were removed, their rollups are left unchanged, and only those of sessions, which still exist, are
rebuilt.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from events.event import Event
from events.identity import week_of
from events.lib.sql import compose, identifier
from events.ownership.owner import Owner
from events.partitioned.partitions import WEEK, existing_partitions
from events.sessions.session import Session
from events.store import retention
from reports.rollups import queue
from reports.rollups.folding import Quarter, contents, fold, without_limits
from reports.rollups.rollup import Grain, Rollup, rollups
from reports.rollups.statements import start_of

QUARTER = timedelta(minutes=Grain.QUARTER)


class Step(NamedTuple):
    """Whole UTC days of one week of an owner, done in one transaction."""

    owner_id: int
    since: datetime
    until: datetime


class Rebuilt(NamedTuple):
    """The events or sessions that a step read."""

    events: int
    sessions: int
    is_sealed: bool = False  # True if the rollups of events were left unchanged


def steps(owners: list[int] | None, since: datetime | None, until: datetime | None) -> list[Step]:
    """Return the steps for all days of owners, or for those from `since` to before `until`."""
    named = sorted(Owner.objects.values_list("pk", flat=True)) if owners is None else owners
    found = []
    for week in _weeks():
        first = max(week, start_of(since or week, Grain.DAY))
        end = min(week + WEEK, until or week + WEEK)
        found += [Step(owner, first, end) for owner in named if first < end]
    return found


def rebuild(step: Step) -> Rebuilt:
    """Rebuild the rows of a step."""
    count = (step.until - step.since) // QUARTER
    quarters = [(step.owner_id, step.since + place * QUARTER) for place in range(count)]
    with transaction.atomic():
        without_limits()
        queue.hold_days(step.owner_id, {start_of(quarter, Grain.DAY) for _, quarter in quarters})
        if is_sealed(step):
            return Rebuilt(0, _fold(quarters, of_sessions=True), is_sealed=True)
        events = _fold(quarters, of_sessions=False)
        return Rebuilt(events, _fold(quarters, of_sessions=True))


def is_sealed(step: Step) -> bool:
    """True if a step's events were removed and its rollups kept. Steps lie within a week, as removals do."""
    sealed = retention.sealed_until()
    return sealed is not None and step.since < sealed


def _fold(quarters: Sequence[Quarter], *, of_sessions: bool) -> int:
    found = contents(quarters, of_sessions=of_sessions)
    fold(quarters, found, of_sessions=of_sessions)
    return sum(sum(counts.values()) for counts in found.values())


def _weeks() -> list[datetime]:
    """Return the weeks that have, or had, any data, oldest first."""
    table = Event._meta.db_table
    found = {
        datetime.strptime(name.removeprefix(f"{table}_"), "%Y%m%d").replace(tzinfo=UTC)
        for name in existing_partitions()
        if name.removeprefix(f"{table}_").isdigit()
    }
    # Sessions and rows may be in weeks without events.
    columns = [(Session._meta.db_table, "started_at")]
    columns += [(rollup._meta.db_table, "bucket") for rollup in rollups()]
    with connection.cursor() as cursor:
        for table, column in columns:
            weeks = compose(
                "SELECT DISTINCT date_trunc('week', {column}, 'UTC') FROM {table}",
                column=identifier(column),
                table=identifier(table),
            )
            cursor.execute(weeks)
            found.update(week_of(week) for (week,) in cursor.fetchall())
    return sorted(found)


def remove_before(until: datetime) -> int:
    """Remove the rows of all grains from before a week, and return their number."""
    return sum(_remove(rollup, owner, until) for owner in _owners() for rollup in rollups())


def _owners() -> Iterator[int]:
    yield from Owner.objects.order_by("pk").values_list("pk", flat=True)


def _remove(rollup: type[Rollup], owner: int, until: datetime) -> int:
    """Remove rows by the index, which begins with the owner and the grain, in one transaction each."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(
            compose(
                "DELETE FROM {table} WHERE owner_id = %s AND grain = ANY(%s) AND bucket < %s",
                table=identifier(rollup._meta.db_table),
            ),
            [owner, [int(grain) for grain in Grain], until],
        )
        return int(cursor.rowcount)
