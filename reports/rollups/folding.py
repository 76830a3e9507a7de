"""Folding: aggregates pending quarters into rollup rows, a block at a time, each block in one transaction.

**Exact by construction.** Nothing is added to a quarter's rows: they are deleted and recomputed from all its
events, or from all sessions that began in it. So late events, duplicates, replays and removals need no
special treatment, and a rebuild runs the same statements. Hours are recomputed from their quarters and days
from their hours in the same transaction, so readers always see grains that agree.

**Nothing is missed.** The drain commits events together with their row of TouchedQuarter. A block locks the
rows it took, reads the events in later statements, and deletes those rows. Under READ COMMITTED, the later
statements see everything committed before they began, so at least the events of the deleted rows. Statements
of one block may see different events, but any event in between has its own row, which is still pending and
causes the quarter to be recomputed.

**Nothing is computed twice at once.** Each day of an owner is locked until the transaction ends (`queue`).

**Sealed time** (`events.store.retention`) isn't recomputed, because its events were removed. Rollups of
sessions are, since the sessions still exist.

**Large quarters.** A quarter is deferred for REST times as long as its block took, so quarters that change
all the time cost at most a tenth of one worker's time in total. One that fails is deferred for an hour.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from events.identity import week_of
from events.store import retention
from reports.rollups import queue, statements
from reports.rollups.queue import PendingQuarter
from reports.rollups.rollup import Grain, Rollup, rollups
from reports.rollups.statements import Span

log = logging.getLogger(__name__)
EVENTS = 200_000  # events of a block, unless one cell alone has more
REST = 9
Quarter = tuple[int, datetime]  # of an owner
SHORT = timedelta(seconds=1)  # shorter deferrals aren't worth a row
FAULT_RESTS = timedelta(hours=1)


def fold_block(now: datetime, until: int | None = None) -> int:
    """Aggregate a block of pending quarters, in rows up to number `until` or in all.

    Returns how many were handled. 0 means that no free quarter is pending.
    """
    began = time.monotonic()
    with transaction.atomic():
        without_limits()
        claimed = queue.claim(now, until)
        if not claimed:
            return 0
        try:
            with transaction.atomic():
                folded = _fold(list(claimed))
            failed: list[PendingQuarter] = []
        except OperationalError:
            raise  # a problem of the database, not of a quarter
        except Exception:
            log.exception("Rollups can't be computed together; computing them one by one")
            folded = [cell for cell in claimed if _alone(cell)]
            failed = list(set(claimed).difference(folded))
        queue.done(row for cell in folded for row in claimed[cell])
        queue.defer(failed, now + FAULT_RESTS)
        took = timedelta(seconds=time.monotonic() - began)
        if took >= SHORT:
            queue.defer(folded, timezone.now() + REST * took)
    return len(folded) + len(failed)


def _alone(cell: PendingQuarter) -> bool:
    """Aggregate one quarter alone, so that a failure affects no other; True if it succeeded."""
    try:
        with transaction.atomic():
            _fold([cell])
    except OperationalError:
        raise
    except Exception:
        log.exception("Rollups can't be computed", extra={"cell": str(cell)})
        return False
    return True


def _fold(claimed: Sequence[PendingQuarter]) -> list[PendingQuarter]:
    """Recompute the rows of as many quarters as have EVENTS together, and return these quarters."""
    parts: dict[tuple[bool, datetime], list[Quarter]] = defaultdict(list)
    sealed = retention.sealed_until()
    folded: list[PendingQuarter] = []
    for cell in claimed:
        if sealed and cell.quarter < sealed and not cell.of_sessions:
            folded.append(cell)  # as it is
            continue
        # One week at a time, since a week is a partition.
        parts[cell.of_sessions, week_of(cell.quarter)].append((cell.owner_id, cell.quarter))
    left = EVENTS
    for (of_sessions, _), quarters in parts.items():
        found = contents(quarters, of_sessions=of_sessions)
        chosen = {}
        for quarter in quarters:
            size = sum(found[quarter].values())
            if size <= left or not folded:
                left -= size
                chosen[quarter] = found[quarter]
                folded.append(PendingQuarter(*quarter, of_sessions))
        if chosen:
            fold(list(chosen), chosen, of_sessions=of_sessions)
    return folded


def contents(quarters: Iterable[Quarter], *, of_sessions: bool) -> dict[Quarter, Counter[str]]:
    """Return how many events of each kind, or sessions, are in each quarter. The quarters are of one week."""
    spans = statements.spans(quarters, Grain.QUARTER)
    found: dict[Quarter, Counter[str]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        cursor.execute(statements.SIZES[of_sessions], statements.parameters(spans))
        for owner, quarter, kind, count in cursor.fetchall():
            found[owner, quarter][kind] = count
    return found


def fold(quarters: Iterable[Quarter], found: Mapping[Quarter, Counter[str]], *, of_sessions: bool) -> None:
    """Recompute the rows of quarters of one week, in the caller's transaction, which locks their days.

    `found` is what they contained a moment before. Anything that arrived since has its own pending row.
    """
    by_grain = {grain: statements.spans(quarters, grain) for grain in Grain}
    kinds = set[str]().union(*found.values())
    for rollup in rollups():
        if rollup.of_sessions == of_sessions:
            is_there = bool(kinds.intersection(rollup.kinds) if rollup.kinds else kinds)
            _fold_rollup(rollup, by_grain, is_there=is_there)


def _fold_rollup(rollup: type[Rollup], by_grain: dict[Grain, list[Span]], *, is_there: bool) -> None:
    """Recompute the rows of one rollup, from the finest grain to the coarsest."""
    changed = False
    with connection.cursor() as cursor:
        for grain, spans in by_grain.items():
            given = statements.parameters(spans)
            cursor.execute(statements.removal(rollup, grain), given)
            changed |= cursor.rowcount > 0
            if grain == Grain.QUARTER and is_there:
                cursor.execute(statements.making(rollup), given)
                changed |= cursor.rowcount > 0
            elif grain != Grain.QUARTER:
                cursor.execute(statements.merging(rollup, grain), given)
            if not changed:
                return  # nothing of it was there and nothing is


def without_limits() -> None:
    """Lift the limits on time and memory for this transaction. The task has its own limit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL work_mem = '64MB'"
        )


def tick(*, seconds: float) -> int:
    """Aggregate pending quarters until none is left or the time is up, and return their number."""
    end = time.monotonic() + seconds
    queue.resume_deferred(timezone.now())
    until = queue.newest()  # anything that changes from now on waits for the next tick
    total = 0
    while time.monotonic() < end:
        folded = fold_block(timezone.now(), until)
        if not folded:
            break
        total += folded
    return total
