"""The drain: from the inbox into the store, a block at a time, each block one transaction.

Whatever happens to a worker, its transaction rolls back and another takes the block. A block that fails is
halved until the request it fails for is alone, so that its neighbours don't wait; that one is taken apart.
Attempts are counted before the work in a transaction of their own: a request that may have killed its workers
is filed alone, when nothing else waits, and is given up in the end.
"""

import logging
import time

from django.conf import settings
from django.db import Error as DatabaseError

from ingestion import apart, claims, failures, inbox
from ingestion.claims import Drained
from ingestion.retrying import in_transaction

log = logging.getLogger(__name__)
SUSPECT = 3  # attempts after which a request is filed alone
HOPELESS = 6  # attempts after which it isn't even decoded


def drain_block() -> Drained:
    """File the next block; nothing claimed means nothing waits that no other worker holds."""
    ids = inbox.count_attempts(
        below=SUSPECT,
        requests=settings.DRAIN_BLOCK_REQUESTS,
        events=settings.DRAIN_BLOCK_EVENTS,
        bytes_=settings.DRAIN_BLOCK_BYTES,
    )
    ids = ids or inbox.count_attempt_of_suspect(SUSPECT)
    try:
        return _file_or_halve(ids) if ids else Drained()
    except DatabaseError:
        _uncount(ids)
        raise


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
    result = claims.file([claim for claim in taken if claim.attempts <= HOPELESS])
    for claim in taken:
        if claim.attempts > HOPELESS:
            result += apart.give_up(claim)
    inbox.remove([claim.id for claim in taken])
    return result


def _file_apart(ids: list[int]) -> Drained:
    """File requests event by event, in the caller's transaction."""
    result = Drained()
    taken = inbox.take(ids)
    for claim in taken:
        result += apart.file_apart(claim)
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
