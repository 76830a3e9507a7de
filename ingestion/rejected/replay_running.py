"""Running replay jobs: a block is one transaction with the count of it, so a killed worker loses nothing."""

import logging
import time

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from events.accounts import audit
from ingestion.rejected import replaying
from ingestion.rejected.replay_jobs import ReplayJob, State, counts, writable
from ingestion.rejected.replaying import BLOCK_ROWS, Replayed
from ingestion.rejected.selection import Selection

log = logging.getLogger(__name__)
TICK_SECONDS = 10.0
SUSPECT = 3  # attempts after which a block is one event
HOPELESS = 6  # attempts after which that one is passed over

# Counted before the work, in a transaction of its own: a block that kills its worker is known. The job that
# waited longest comes next, so that none keeps the others waiting.
_BEGIN = """
UPDATE ingestion_replayjob SET attempts = least(attempts + 1, 1000), updated_at = now(), state = 'running'
WHERE id = (SELECT id FROM ingestion_replayjob WHERE finished_at IS NULL
            ORDER BY updated_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def tick() -> None:
    """Do blocks until no job is left or the time is up."""
    until = time.monotonic() + TICK_SECONDS
    while time.monotonic() < until and run_block():
        pass


def run_block() -> bool:
    """Do the next block of the next job; whether there was any."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN)
        found = cursor.fetchone()
    if found is None:
        return False
    try:
        with transaction.atomic():
            job = ReplayJob.objects.select_for_update(skip_locked=True).filter(pk=found[0]).first()
            if job is not None and job.finished_at is None:
                _run(job)
    except DatabaseError:
        _uncount(found[0])
        raise
    return True


def _uncount(job_id: int) -> None:
    """An attempt that failed by the database makes no event suspect, as far as it can still be told."""
    try:
        ReplayJob.objects.filter(pk=job_id, attempts__gt=0).update(attempts=F("attempts") - 1)
    except DatabaseError as error:
        log.warning("An attempt stays counted", exc_info=error)


def _run(job: ReplayJob) -> None:
    """The next block of a job that is locked."""
    allowed = writable(job.user, job.key)
    selection = Selection.of(job.selection)
    most = 1 if job.attempts > SUSPECT else BLOCK_ROWS
    ids = replaying.next_block(selection, allowed, after=job.reached, last=job.last, most=most)
    if not ids:
        job.state, job.finished_at = State.DONE, timezone.now()
        audit.record(audit.Actor(job.by, job.user_id), "rejected.replayed", job, after=counts(job))
    else:
        done = _hopeless(ids) if job.attempts > HOPELESS else replaying.replay(ids, allowed)
        job.reached = ids[-1]
        _count(job, done, len(ids))
    job.attempts = 0
    job.save()


def _hopeless(ids: list[int]) -> Replayed:
    log.error("Rejected event is passed over: its replay never came to an end", extra={"rejected": ids[0]})
    return Replayed(rows=1, rejected=1)


def _count(job: ReplayJob, done: Replayed, meant: int) -> None:
    job.done += done.rows
    job.stored += done.stored
    job.duplicates += done.duplicates
    job.rejected += done.rejected
    job.skipped += meant - done.rows
