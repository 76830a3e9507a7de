"""The drain: files the inbox block by block, each block in its own transaction.

If a worker dies, its transaction rolls back and another worker takes the block. A block that fails is halved
until the request that it fails on is alone, so that its neighbours don't wait; that request is isolated, its
events filed one by one.

Attempts are counted before the work, in a transaction of their own. A request with many attempts is poison:
it may have killed its workers. It is filed alone, when nothing else waits or every `schedule.POISON_SECONDS`,
by one process at a time, and is given up in the end.

A block on which the database fails is deferred (`schedule.FailedRequests`), and its requests are retried one
by one between new blocks. A request that fails repeatedly while others are filed is isolated and, if that
fails too, rejected. In an outage nothing else is filed, so nothing is rejected.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from ingestion.filing import claims, isolation, pipeline
from ingestion.filing.claims import Claim, Selected
from ingestion.filing.pipeline import Filed
from ingestion.filing.schedule import ISOLATE_AFTER, REJECT_AFTER, memory
from ingestion.filing.transactions import in_transaction, is_database_failure

log = logging.getLogger(__name__)
POISON_AFTER = 3  # attempts after which a request is filed alone
GIVE_UP_AFTER = 6  # attempts after which it isn't even decoded
SMALL_SHARE = 0.05  # of a block's events: owners with at most this share are filed before the others
TICK_SECONDS = 10.0  # after that the task ends, so that a worker that is told to stop needn't be killed


def tick(*, call_for_help: Callable[[], object]) -> Filed:
    """File blocks until nothing waits or the time is up; call for a second worker once a block is full."""
    until = time.monotonic() + TICK_SECONDS
    total = Filed()
    called = False
    while time.monotonic() < until:
        block = drain_block()
        total += block
        if not block.requests:
            break
        if not called and is_full(block):
            called = True
            call_for_help()
    return total


def is_full(block: Filed) -> bool:
    """True if a block met one of its limits, so that more is likely to wait."""
    events = block.stored + block.duplicates + block.rejected
    many_requests: bool = block.requests >= settings.DRAIN_BLOCK_REQUESTS
    return many_requests or bool(events >= settings.DRAIN_BLOCK_EVENTS // 2)


def drain(*, seconds: float = float("inf")) -> Filed:
    """File blocks, for at most `seconds`, until nothing waits that no other worker has claimed."""
    until = time.monotonic() + seconds
    total = Filed()
    while True:
        block = drain_block()
        total += block
        if not block.requests or time.monotonic() >= until:
            return total


def drain_block() -> Filed:
    """File the next block. If it has no requests, nothing waits that no other worker has claimed."""
    filed = _drain_fresh()
    if filed.requests and memory.poison.is_due():
        filed += _drain_poison(memory.failed.deferred())
    retried = _retry_failed()
    return filed + retried if retried else filed


def _drain_fresh() -> Filed:
    """File the next requests on which the database hasn't failed."""
    deferred = memory.failed.deferred()
    limits = claims.BlockLimits(
        memory.size.of(settings.DRAIN_BLOCK_REQUESTS),
        memory.size.of(settings.DRAIN_BLOCK_EVENTS),
        memory.size.of(settings.DRAIN_BLOCK_BYTES),
    )
    selected = claims.select_block(
        limits, below=POISON_AFTER, served=memory.turns.in_order(), deferred=deferred
    )
    memory.turns.serve(dict.fromkeys(each.owner_id for each in selected))
    return _file_groups(_split_by_size(selected)) if selected else _drain_poison(deferred)


def _drain_poison(deferred: Sequence[int]) -> Filed:
    """File one request that may have killed its workers, unless another process is filing one."""
    return _file_groups([claims.select_poison(POISON_AFTER, deferred)])


def _file_groups(groups: Sequence[list[int]]) -> Filed:
    """File requests, each group in its own transaction."""
    began = time.monotonic()
    filed = Filed()
    for number, ids in enumerate(groups):
        if not ids:
            continue
        try:
            filed += _file_or_halve(ids)
        except DatabaseError:
            memory.failed.note(ids)
            _uncount_attempts([each for group in groups[number:] for each in group])
            raise
        memory.failed.filed(ids)
    if filed.requests:
        memory.size.adapt(time.monotonic() - began)
    return filed


def _split_by_size(selected: Sequence[Selected]) -> list[list[int]]:
    """Split a block into two transactions: owners with few events in it first, then those with many.

    So a single event doesn't wait for another owner's flood in the same block.
    """
    events = Counter[int]()
    for each in selected:
        events[each.owner_id] += each.events
    few = max(1, int(SMALL_SHARE * events.total()))
    small = [each.id for each in selected if events[each.owner_id] <= few]
    large = [each.id for each in selected if events[each.owner_id] > few]
    return [small, large]


def _retry_failed() -> Filed | None:
    """Retry one request on which the database failed before; return None if none is due.

    A request that fails repeatedly while others are filed is rejected in the end.
    """
    request = memory.failed.due()
    if request is None:
        return None
    ids = claims.select_one(request)
    if not ids:
        memory.failed.forget([request])
        return None
    failures = memory.failed.failures(request)
    try:
        if failures >= REJECT_AFTER:
            filed = in_transaction(_file_each, ids, isolation.give_up)
        elif failures >= ISOLATE_AFTER:
            filed = in_transaction(_file_each, ids, _isolate_and_reject)
        else:
            filed = _file_or_halve(ids)
    except DatabaseError as error:
        log.warning("The database fails on a request", exc_info=error, extra={"request": request})
        memory.failed.note(ids)
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        _uncount_attempts(ids)
        return None
    memory.failed.filed(ids)
    return filed


def _isolate_and_reject(claim: Claim) -> Filed:
    return isolation.isolate(claim, reject_failures=True)


def _uncount_attempts(ids: list[int]) -> None:
    """Take attempts back that failed because of the database, if it still answers."""
    try:
        claims.uncount_attempts(ids)
    except DatabaseError as error:
        log.warning("Attempts stay counted", exc_info=error)


def _file_or_halve(ids: list[int]) -> Filed:
    """File requests together or, if that fails, in halves, down to a single request that is isolated.

    Raises if the database fails: that is no reason to reject anything.
    """
    try:
        return in_transaction(_file_block, ids)
    except Exception as error:
        if is_database_failure(error):
            raise
        log.warning("Requests can't be filed together", exc_info=error, extra={"requests": len(ids)})
    if len(ids) == 1:
        return _isolate(ids)
    middle = len(ids) // 2
    return _file_or_halve(ids[:middle]) + _file_or_halve(ids[middle:])


def _isolate(ids: list[int]) -> Filed:
    """File a request's events one by one. The request keeps waiting if its events can't even be rejected."""
    try:
        return in_transaction(_file_each, ids, isolation.isolate)
    except Exception as error:
        if is_database_failure(error):
            raise
        log.exception("Request can be neither filed nor rejected", extra={"request": ids[0]})
        return Filed()


def _file_block(ids: list[int]) -> Filed:
    """File requests together, in the caller's transaction."""
    claimed = claims.claim(ids)
    if any(claim.attempts > POISON_AFTER for claim in claimed):
        claims.lock_poison()
    filed = pipeline.file([claim for claim in claimed if claim.attempts <= GIVE_UP_AFTER])
    for claim in claimed:
        if claim.attempts > GIVE_UP_AFTER:
            filed += isolation.give_up(claim)
    claims.remove([claim.id for claim in claimed])
    return filed


def _file_each(ids: list[int], file: Callable[[Claim], Filed]) -> Filed:
    """File requests one by one in the given way, in the caller's transaction."""
    claimed = claims.claim(ids)
    filed = sum(map(file, claimed), Filed())
    claims.remove([claim.id for claim in claimed])
    return filed
