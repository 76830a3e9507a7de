"""The queue of pending quarters: quarters of an hour of owners waiting to be aggregated, taken in blocks.

A transaction takes a block by locking its rows of TouchedQuarter, and deletes those it has aggregated. It
also locks the owner's UTC day until it ends, since a day is aggregated from all its quarters: two workers on
different quarters of one day would each miss what the other hasn't committed.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from events.store.pending import TouchedQuarter
from reports.rollups.models import RestingQuarter
from reports.rollups.statements import ORIGIN

ROWS = 5_000  # rows of a block, and at most
CELLS = 400  # so many cells


class PendingQuarter(NamedTuple):
    """A quarter of an hour of an owner: its events, or the sessions that began in it."""

    owner_id: int
    quarter: datetime
    of_sessions: bool


_WAITING = (
    " FROM events_touchedquarter t WHERE NOT EXISTS (SELECT FROM rollups_restingquarter r"
    " WHERE r.owner_id = t.owner_id AND r.quarter = t.quarter AND r.of_sessions = t.of_sessions"
    " AND r.rests_until > %(now)s)"
)


def newest() -> int:
    """Return the number of the newest pending row."""
    return TouchedQuarter.objects.order_by("-id").values_list("id", flat=True).first() or 0


def claim(now: datetime, until: int | None) -> dict[PendingQuarter, list[int]]:
    """Lock a block of the longest pending quarters, and return them with the numbers of their rows.

    Skips deferred quarters and days that another worker has locked. Rows after number `until` are left for
    later.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, owner_id, quarter, of_sessions {_WAITING}"
            " AND (%(until)s::bigint IS NULL OR t.id <= %(until)s)"
            f" ORDER BY id LIMIT {ROWS} FOR UPDATE OF t SKIP LOCKED",
            {"now": now, "until": until},
        )
        waiting: dict[PendingQuarter, list[int]] = {}
        for pk, *cell in cursor.fetchall():
            made = PendingQuarter(*cell)
            if made in waiting or len(waiting) < CELLS:
                waiting.setdefault(made, []).append(pk)
    if not waiting:
        return {}
    held = _try_days({(cell.owner_id, _day(cell.quarter)) for cell in waiting})
    return {cell: rows for cell, rows in waiting.items() if (cell.owner_id, _day(cell.quarter)) in held}


def done(rows: Iterable[int]) -> None:
    """Remove the rows of aggregated quarters."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_touchedquarter WHERE id = ANY(%s)", [list(rows)])


def defer(resting: Iterable[PendingQuarter], until: datetime) -> None:
    """Defer quarters until a time."""
    RestingQuarter.objects.bulk_create(
        [RestingQuarter(**cell._asdict(), rests_until=until) for cell in resting],
        update_conflicts=True,
        unique_fields=["owner", "quarter", "of_sessions"],
        update_fields=["rests_until"],
    )


def resume_deferred(now: datetime) -> None:
    """Resume quarters that are no longer deferred."""
    RestingQuarter.objects.filter(rests_until__lte=now).delete()


def hold_days(owner_id: int, days: Iterable[datetime]) -> None:
    """Lock days of an owner until the transaction ends, waiting for other holders."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, day) FROM unnest(%s::int[]) AS day",
            [owner_id, sorted(map(_day, days))],
        )


def _day(at: datetime) -> int:
    return (at - ORIGIN).days


def _try_days(days: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    wanted = list(days)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT owner, day FROM unnest(%s::int[], %s::int[]) AS wanted (owner, day)"
            " WHERE pg_try_advisory_xact_lock(owner, day)",
            [[owner for owner, _ in wanted], [day for _, day in wanted]],
        )
        return set(cursor.fetchall())
