"""Rebuilding: rollups made anew from all events and sessions, an owner's week at a time, each a transaction.

Every quarter of the week is folded by the statements that fold a touched one, so the rows come out the same.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from events.event import Event
from events.identity import week_of
from events.ownership.owner import Owner
from events.partitions import WEEK, existing_partitions
from events.sessions.session import Session
from reports.periods import DAY, QUARTER
from reports.rollups import cells
from reports.rollups.folding import fold, without_limits
from reports.rollups.rollup import Rollup, rollups


class Rebuilt(NamedTuple):
    """What one transaction has made anew."""

    owner_id: int
    week: datetime
    events: int
    sessions: int


def weeks(since: datetime | None, until: datetime | None) -> list[datetime]:
    """The weeks that have, or may have had, anything in them, oldest first."""
    table = Event._meta.db_table
    days = [name.removeprefix(f"{table}_") for name in existing_partitions() if name.startswith(f"{table}_2")]
    found = {datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in days}
    found |= _stored_weeks(Session, "started_at")
    for rollup in rollups():
        found |= _stored_weeks(rollup, "bucket")
    return sorted(
        week for week in found if (until is None or week < until) and (since is None or week + WEEK > since)
    )


def rebuild(owners: list[int] | None, since: datetime | None, until: datetime | None) -> Iterator[Rebuilt]:
    """Make rollups anew, of whole UTC days from that of `since` to that before `until`."""
    named = owners if owners is not None else _all_owners()
    for week in weeks(since, until):
        first, end = max(week, _day(since or week)), min(week + WEEK, until or week + WEEK)
        for owner in named:
            yield _rebuild(owner, week, first, end)


def _rebuild(owner: int, week: datetime, first: datetime, end: datetime) -> Rebuilt:
    quarters = []
    at = first
    while at < end:
        quarters.append((owner, at))
        at += QUARTER
    with transaction.atomic():
        without_limits()
        cells.hold_days(owner, sorted({_day(quarter) for _, quarter in quarters}))
        events = fold(quarters, of_sessions=False)
        sessions = fold(quarters, of_sessions=True)
    return Rebuilt(owner, week, sum(events.values()), sum(sessions.values()))


def _all_owners() -> list[int]:
    """Those that there are, and those that have rows though they are gone."""
    return sorted(Owner.objects.values_list("pk", flat=True))


def _stored_weeks(model: type[Rollup] | type[Session], column: str) -> set[datetime]:
    """The weeks of stored rows, found from one to the next, so that no table is read."""
    found: set[datetime] = set()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT date_trunc('week', \"{column}\", 'UTC') FROM \"{model._meta.db_table}\""
        )
        found.update(week_of(week) for (week,) in cursor.fetchall())
    return found


def _day(at: datetime) -> datetime:
    return at - (at - week_of(at)) % DAY
