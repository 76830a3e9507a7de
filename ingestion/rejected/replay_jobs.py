"""Replay jobs: replays of many rejected events, which a worker runs block by block.

Each block and its counts are one transaction, so a killed worker loses nothing.
"""

import logging
import time
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error as DatabaseError
from django.db import connection, models, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Now
from django.utils import timezone

from events.access import Access
from events.accounts import audit
from events.ownership.api_key import ApiKey
from ingestion.rejected import replaying
from ingestion.rejected.event import Selection
from ingestion.rejected.replaying import BLOCK_ROWS, Replayed


class State(models.TextChoices):
    """The progress of a job."""

    WAITING = "waiting", "Waiting: no worker has started yet"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped: events replayed before stay replayed"


class ReplayJob(models.Model):
    """A replay of many rejected events. Its counts are of committed blocks."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Person who requested the replay. It covers only owners that this person leads while it"
        " runs.",
    )
    key = models.ForeignKey(
        ApiKey,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="API key that requested the replay.",
    )
    by = models.TextField(help_text="Name of the person or key that requested the replay, at that time.")
    selection = models.JSONField(help_text="Selection of rejected events.")
    sentence = models.TextField(help_text="Description of the selected rejected events.")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    total = models.BigIntegerField(help_text="Number of selected rejected events at the time of the request.")
    last = models.BigIntegerField(help_text="Newest selected rejected event. Later ones aren't replayed.")
    reached = models.BigIntegerField(default=0, help_text="Rejected event that was processed last.")
    done = models.BigIntegerField(default=0, help_text="Number of rejected events processed.")
    stored = models.BigIntegerField(default=0, help_text="Number of events stored.")
    duplicates = models.BigIntegerField(default=0, help_text="Events that were already stored.")
    rejected = models.BigIntegerField(default=0, help_text="Number of events rejected again.")
    skipped = models.BigIntegerField(
        default=0, help_text="Number of rejected events that somebody else was replaying."
    )
    attempts = models.SmallIntegerField(default=0, help_text="Number of attempts at the next block.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="Start of the last block.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "replay"
        indexes = [
            models.Index(fields=["updated_at"], name="replay_open", condition=Q(finished_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"replay of {self.sentence}"

    @property
    def percent(self) -> int:
        """The progress in percent; 100 at the end, even if some events were gone before their turn."""
        if self.finished_at or not self.total:
            return 100
        return min(99, 100 * (self.done + self.skipped) // self.total)


def ask(
    selection: Selection,
    *,
    by: str,
    sentence: str,
    now: datetime,
    user: User | None = None,
    key: ApiKey | None = None,
) -> ReplayJob:
    """Create a job; a worker starts it within seconds."""
    rows = selection.rows(writable(user, key)).aggregate(total=models.Count("pk"), last=Max("pk"))
    job: ReplayJob = ReplayJob.objects.create(
        user=user,
        key=key,
        by=by,
        selection=selection.to_json(),
        sentence=sentence,
        total=rows["total"],
        last=rows["last"] or 0,
        created_at=now,
        updated_at=now,
    )
    return job


def writable(user: User | None, key: ApiKey | None) -> frozenset[int] | None:
    """Return the owners whose rejected events a person, or else a key, may replay now; None: all owners."""
    return (Access(user) if user is not None and user.is_active else Access.of_key(key)).writable


def stop(job_id: int) -> bool:
    """Stop a job; return False if it is finished already."""
    open_ = ReplayJob.objects.filter(pk=job_id, finished_at__isnull=True)
    return bool(open_.update(state=State.STOPPED, finished_at=Now()))


def counts(job: ReplayJob) -> dict[str, int]:
    """Return the counts of a job for the audit trail."""
    return {name: getattr(job, name) for name in ("done", "stored", "duplicates", "rejected", "skipped")}


log = logging.getLogger(__name__)
TICK_SECONDS = 10.0
ONE_BY_ONE_AFTER = 3  # attempts after which a block is one event
GIVE_UP_AFTER = 6  # attempts after which that event is skipped

# An attempt is counted before the work, in a transaction of its own: so a block that kills its worker is
# known. The job that waited longest comes next, so that none keeps the others waiting.
_BEGIN = """
UPDATE ingestion_replayjob SET attempts = least(attempts + 1, 1000), updated_at = now(), state = 'running'
WHERE id = (SELECT id FROM ingestion_replayjob WHERE finished_at IS NULL
            ORDER BY updated_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def tick() -> None:
    """Run blocks until no job is left or the time is up."""
    until = time.monotonic() + TICK_SECONDS
    while time.monotonic() < until and run_block():
        pass


def run_block() -> bool:
    """Run the next block of the next job; return False if there is none."""
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
    """Take an attempt back that failed because of the database, if it still answers."""
    try:
        ReplayJob.objects.filter(pk=job_id, attempts__gt=0).update(attempts=F("attempts") - 1)
    except DatabaseError as error:
        log.warning("An attempt stays counted", exc_info=error)


def _run(job: ReplayJob) -> None:
    """Run the next block of a locked job."""
    allowed = writable(job.user, job.key)
    selection = Selection.from_json(job.selection)
    most = 1 if job.attempts > ONE_BY_ONE_AFTER else BLOCK_ROWS
    ids = replaying.next_block(selection, allowed, after=job.reached, last=job.last, most=most)
    if not ids:
        job.state, job.finished_at = State.DONE, timezone.now()
        audit.record(audit.Actor(job.by, job.user_id), "rejected.replayed", job, after=counts(job))
    else:
        done = _give_up(ids) if job.attempts > GIVE_UP_AFTER else replaying.replay(ids, allowed)
        job.reached = ids[-1]
        _count(job, done, len(ids))
    job.attempts = 0
    job.save()


def _give_up(ids: list[int]) -> Replayed:
    log.error("Rejected event skipped: its replay never ended", extra={"rejected": ids[0]})
    return Replayed(rows=1, rejected=1)


def _count(job: ReplayJob, done: Replayed, meant: int) -> None:
    job.done += done.rows
    job.stored += done.stored
    job.duplicates += done.duplicates
    job.rejected += done.rejected
    job.skipped += meant - done.rows
