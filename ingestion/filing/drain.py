"""The drain: from the inbox into the store, a block at a time, each block one transaction.

Whatever happens to a worker, its transaction rolls back and another takes the block. A block that fails is
halved until the request it fails for is alone, so that its neighbours don't wait; that one is taken apart.
Attempts are counted before the work in a transaction of their own: a request that may have killed its workers
is filed alone, when nothing else waits or every `pacing.SUSPECT_SECONDS`, by one process at a time, and is
given up in the end.

A block on which the database fails is deferred (`pacing.FailedRequests`), and its requests are retried one by
one beside new blocks. A request that fails repeatedly while others are filed is isolated and, if that fails
too, rejected. In an outage nothing else is filed, so nothing is rejected.
"""

import logging
import time
from collections import Counter
from collections.abc import Sequence

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from ingestion.filing import failures, isolation, pipeline
from ingestion.filing.pipeline import Drained
from ingestion.filing.retrying import in_transaction
from ingestion.filing.schedule import ISOLATE_AFTER, REJECT_AFTER, memory
from ingestion.receiving import inbox
from ingestion.receiving.inbox import Chosen

log = logging.getLogger(__name__)
SUSPECT = 3  # attempts after which a request is filed alone
HOPELESS = 6  # attempts after which it isn't even decoded
LITTLE = 0.05  # part of a block's events: owners with at most this are filed before the others


def drain_block() -> Drained:
    """File the next block; nothing claimed means nothing waits that no other worker holds."""
    done = _drain_fresh()
    if done.requests and memory.suspects.is_due():
        done += _drain_suspect(memory.failed.deferred())
    retried = _retry_failed()
    return done + retried if retried else done


def _drain_fresh() -> Drained:
    """File the next requests on which the database hasn't failed."""
    deferred = memory.failed.deferred()
    bounds = inbox.Bounds(
        memory.size.of(settings.DRAIN_BLOCK_REQUESTS),
        memory.size.of(settings.DRAIN_BLOCK_EVENTS),
        memory.size.of(settings.DRAIN_BLOCK_BYTES),
    )
    chosen = inbox.count_attempts(bounds, below=SUSPECT, served=memory.turns.in_order(), held=deferred)
    memory.turns.serve(dict.fromkeys(each.owner_id for each in chosen))
    return _file_parts(_parts(chosen)) if chosen else _drain_suspect(deferred)


def _drain_suspect(deferred: Sequence[int]) -> Drained:
    """File one request that may have killed its workers, unless another process is filing one."""
    return _file_parts([inbox.count_attempt_of_suspect(SUSPECT, deferred)])


def _file_parts(parts: Sequence[list[int]]) -> Drained:
    """File requests, each part in its own transaction."""
    began = time.monotonic()
    done = Drained()
    for number, ids in enumerate(parts):
        if not ids:
            continue
        try:
            done += _file_or_halve(ids)
        except DatabaseError:
            memory.failed.note(ids)
            _uncount([each for part in parts[number:] for each in part])
            raise
        memory.failed.filed(ids)
    if done.requests:
        memory.size.adapt(time.monotonic() - began)
    return done


def _parts(chosen: Sequence[Chosen]) -> list[list[int]]:
    """Split a block into two transactions: owners that have little in it first, then those with much.

    So a single event doesn't wait for another owner's flood in the same block.
    """
    events = Counter[int]()
    for each in chosen:
        events[each.owner_id] += each.events
    little = max(1, int(LITTLE * events.total()))
    small = [each.id for each in chosen if events[each.owner_id] <= little]
    large = [each.id for each in chosen if events[each.owner_id] > little]
    return [small, large]


def _retry_failed() -> Drained | None:
    """Retry one request on which the database failed before; None if none is due.

    A request that fails repeatedly while others are filed is rejected in the end.
    """
    request = memory.failed.due()
    if request is None:
        return None
    ids = inbox.count_attempt_of(request)
    if not ids:
        memory.failed.forget([request])
        return None
    failures_so_far = memory.failed.failures(request)
    try:
        if failures_so_far >= REJECT_AFTER:
            done = in_transaction(_give_up, ids)
        elif failures_so_far >= ISOLATE_AFTER:
            done = in_transaction(_file_apart, ids, reject_failures=True)
        else:
            done = _file_or_halve(ids)
    except DatabaseError as error:
        log.warning("The database fails on a request", exc_info=error, extra={"request": request})
        memory.failed.note(ids)
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        _uncount(ids)
        return None
    memory.failed.filed(ids)
    return done


def _uncount(ids: list[int]) -> None:
    """An attempt that failed by the database makes nobody suspect, as far as it can still be told."""
    try:
        inbox.uncount_attempts(ids)
    except DatabaseError as error:
        log.warning("Attempts stay counted", exc_info=error)


def _file_or_halve(ids: list[int]) -> Drained:
    """File requests together, or else in halves, down to the one that is taken apart.

    Raises where it is the database that fails: that is no reason to reject anything.
    """
    try:
        return in_transaction(_file_block, ids)
    except Exception as error:
        if failures.is_the_databases(error):
            raise
        log.warning("Requests can't be filed together", exc_info=error, extra={"requests": len(ids)})
    if len(ids) == 1:
        return _take_apart(ids)
    middle = len(ids) // 2
    return _file_or_halve(ids[:middle]) + _file_or_halve(ids[middle:])


def _take_apart(ids: list[int]) -> Drained:
    """File a request's events one by one; it goes on waiting where what fails can't even be rejected."""
    try:
        return in_transaction(_file_apart, ids)
    except Exception as error:
        if failures.is_the_databases(error):
            raise
        log.exception("Request can be neither filed nor rejected", extra={"request": ids[0]})
        return Drained()


def _file_block(ids: list[int]) -> Drained:
    """File requests together, in the caller's transaction."""
    taken = inbox.take(ids)
    if any(claim.attempts > SUSPECT for claim in taken):
        inbox.hold_suspects()
    result = pipeline.file([claim for claim in taken if claim.attempts <= HOPELESS])
    for claim in taken:
        if claim.attempts > HOPELESS:
            result += isolation.give_up(claim)
    inbox.remove([claim.id for claim in taken])
    return result


def _give_up(ids: list[int]) -> Drained:
    """Reject requests as a whole, in the caller's transaction."""
    taken = inbox.take(ids)
    result = sum((isolation.give_up(claim) for claim in taken), Drained())
    inbox.remove([claim.id for claim in taken])
    return result


def _file_apart(ids: list[int], *, reject_failures: bool = False) -> Drained:
    """File requests event by event, in the caller's transaction.

    With `reject_failures`, an event on which the database fails is rejected too.
    """
    result = Drained()
    taken = inbox.take(ids)
    for claim in taken:
        result += isolation.file_apart(claim, reject_failures=reject_failures)
    inbox.remove([claim.id for claim in taken])
    return result


def drain(*, seconds: float = float("inf")) -> Drained:
    """File blocks, for `seconds` at the most, until nothing waits that no other worker holds."""
    until = time.monotonic() + seconds
    total = Drained()
    while True:
        block = drain_block()
        total += block
        if not block.requests or time.monotonic() >= until:
            return total
