"""Folding: from cells that wait to rows of rollups, a block at a time, each block one transaction.

**Exact by construction.** A cell is never added to: its rows are removed and made anew from all its events,
or from all sessions that began in it. So late events, duplicates, replays and removals need no thought, and a
rebuild runs the same statements. Hours are made anew from their quarters and days from their hours in the
same transaction, so all grains agree whenever somebody reads.

**Nothing is missed.** The drain commits events together with their row of TouchedQuarter. A block deletes the
rows it took and reads the events in later statements: under READ COMMITTED those see all that was committed
before they began, so at least the events of the deleted rows. Statements of one block may see different
events, but whatever comes in between has a row of its own, which is still there, and folds the cell again.

**Nothing is computed twice at once.** Each day of an owner is locked until the transaction ends (`cells`).

**Large cells.** A cell rests for REST times as long as its share of its block took, so none costs more than a
tenth of one worker's time however often it is touched. One that can't be folded rests for an hour.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from events.identity import week_of
from reports.rollups import cells, statements
from reports.rollups.cells import Cell
from reports.rollups.rollup import Grain, Rollup, rollups
from reports.rollups.statements import Span

log = logging.getLogger(__name__)
EVENTS = 200_000  # events of a block, unless one cell alone has more
REST = 9
Quarter = tuple[int, datetime]  # of an owner
SHORT = timedelta(seconds=1)  # shorter rests are not worth a row
FAULT_RESTS = timedelta(hours=1)


def fold_block(now: datetime) -> int:
    """Fold a block of cells; returns how many: none means that none waits that is free."""
    began = time.monotonic()
    with transaction.atomic():
        without_limits()
        claimed = cells.claim(now)
        if not claimed:
            return 0
        try:
            with transaction.atomic():
                sizes = _fold(claimed)
        except OperationalError:
            raise  # the database's trouble, not a cell's
        except Exception:
            log.exception("Rollups can't be folded together; they are one by one")
            sizes = {}
            for cell in claimed:
                sizes |= _alone(cell, now)
        cells.rest(_rests(sizes, timedelta(seconds=time.monotonic() - began)))
    return len(claimed)


def _alone(cell: Cell, now: datetime) -> dict[Cell, int]:
    """Fold a cell by itself, so that one that can't be harms no other."""
    try:
        with transaction.atomic():
            return _fold([cell])
    except OperationalError:
        raise
    except Exception:
        log.exception("Rollups can't be folded", extra={"cell": str(cell)})
        cells.leave(cell)
        cells.rest([(cell, now + FAULT_RESTS)])
        return {}


def _rests(sizes: dict[Cell, int], took: timedelta) -> list[tuple[Cell, datetime]]:
    """Until when cells rest, each for its share of the time by what is in it."""
    now, whole = timezone.now(), sum(sizes.values())
    found = [(cell, REST * took * size / whole) for cell, size in sizes.items() if size]
    return [(cell, now + rests) for cell, rests in found if rests >= SHORT]


def _fold(claimed: Sequence[Cell]) -> dict[Cell, int]:
    """Make the rows of cells anew; returns how many events or sessions each has."""
    parts: dict[tuple[bool, datetime], list[Quarter]] = defaultdict(list)
    for cell in claimed:
        # A week at a time: a partition.
        parts[cell.of_sessions, week_of(cell.quarter)].append((cell.owner_id, cell.quarter))
    sizes: dict[Cell, int] = {}
    left = EVENTS
    for (of_sessions, _), quarters in parts.items():
        found = contents(quarters, of_sessions=of_sessions)
        chosen = []
        for quarter in quarters:
            cell, size = Cell(*quarter, of_sessions), sum(found[quarter].values())
            if size > left and sizes:
                cells.leave(cell)
                continue
            left -= size
            sizes[cell] = size
            chosen.append(quarter)
        if chosen:
            fold(chosen, {quarter: found[quarter] for quarter in chosen}, of_sessions=of_sessions)
    return sizes


def contents(quarters: Iterable[Quarter], *, of_sessions: bool) -> dict[Quarter, Counter[str]]:
    """How many events of each kind, or sessions, are in each quarter; the quarters are of one week."""
    spans = statements.spans(quarters, Grain.QUARTER)
    found: dict[Quarter, Counter[str]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        cursor.execute(statements.SIZES[of_sessions], statements.parameters(spans))
        for owner, quarter, kind, count in cursor.fetchall():
            found[owner, quarter][kind] = count
    return found


def fold(quarters: Iterable[Quarter], found: Mapping[Quarter, Counter[str]], *, of_sessions: bool) -> None:
    """Make the rows of quarters of one week anew, in the caller's transaction, which holds their days.

    `found` is what was in them a moment before: what has come since is folded again for its own row.
    """
    by_grain = {grain: statements.spans(quarters, grain) for grain in Grain}
    kinds = set[str]().union(*found.values())
    for rollup in rollups():
        if rollup.of_sessions == of_sessions:
            is_there = bool(kinds.intersection(rollup.kinds) if rollup.kinds else kinds)
            _fold_rollup(rollup, by_grain, is_there=is_there)


def _fold_rollup(rollup: type[Rollup], by_grain: dict[Grain, list[Span]], *, is_there: bool) -> None:
    """Make the rows of one rollup anew, from the finest grain to the coarsest."""
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
    """Let statements of this transaction take as long as they need; the task has a limit."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")


def tick(*, seconds: float) -> int:
    """Fold what waits until none is left or the time is up; returns how many cells."""
    until = time.monotonic() + seconds
    cells.forget_rested(timezone.now())
    total = 0
    while time.monotonic() < until:
        folded = fold_block(timezone.now())
        if not folded:
            break
        total += folded
    return total
