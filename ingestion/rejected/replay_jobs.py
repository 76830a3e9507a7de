"""Replay jobs: replays of many rejected events, that a worker does block by block."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Max, Q
from django.db.models.functions import Now

from events.access import Access
from events.ownership.api_key import ApiKey
from ingestion.rejected.selection import Selection


class State(models.TextChoices):
    """How far a job is."""

    WAITING = "waiting", "Waiting: no worker has begun"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped: what was done until then stays done"


class ReplayJob(models.Model):
    """A replay of many rejected events: which, for whom, how far. The counts are of committed blocks."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Who asked for it; what is done is bounded by what this person leads while it is done.",
    )
    key = models.ForeignKey(
        ApiKey, on_delete=models.SET_NULL, null=True, related_name="+", help_text="The key that asked for it."
    )
    by = models.TextField(help_text="Who asked for it, as they were called then.")
    selection = models.JSONField(help_text="Which rejected events are meant.")
    sentence = models.TextField(help_text="Which rejected events are meant, in words.")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    total = models.BigIntegerField(help_text="How many rejected events were meant when it was asked for.")
    last = models.BigIntegerField(help_text="The newest of them; what came later is not touched.")
    reached = models.BigIntegerField(default=0, help_text="The rejected event that was looked at last.")
    done = models.BigIntegerField(default=0, help_text="Rejected events that were looked at.")
    stored = models.BigIntegerField(default=0, help_text="Events that were filed.")
    duplicates = models.BigIntegerField(default=0, help_text="Events that were there already.")
    rejected = models.BigIntegerField(default=0, help_text="Events that were rejected again.")
    skipped = models.BigIntegerField(
        default=0, help_text="Rejected events that somebody else replayed at that moment."
    )
    attempts = models.SmallIntegerField(default=0, help_text="How often the next block was begun.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="When the last block was begun.")
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
        """How far it is; what was gone before its turn leaves a job at the end all the same."""
        if self.finished_at or not self.total:
            return 100
        return min(99, 100 * (self.done + self.skipped) // self.total)


def ask(
    selection: Selection,
    *,
    by: str,
    sentence: str,
    now: datetime,
    user: Any = None,
    key: ApiKey | None = None,
) -> ReplayJob:
    """Write a job down; workers find it within seconds."""
    rows = selection.rows(writable(user, key)).aggregate(total=models.Count("pk"), last=Max("pk"))
    job: ReplayJob = ReplayJob.objects.create(
        user=user,
        key=key,
        by=by,
        selection=selection.kept(),
        sentence=sentence,
        total=rows["total"],
        last=rows["last"] or 0,
        created_at=now,
        updated_at=now,
    )
    return job


def writable(user: Any, key: ApiKey | None) -> frozenset[int] | None:
    """The owners whose rejected events a person, or else a key, may replay now; None for all of them."""
    return (Access(user) if user is not None and user.is_active else Access.of_key(key)).writable


def stop(job_id: int) -> bool:
    """Stop a job that isn't finished; whether it was to be stopped."""
    open_ = ReplayJob.objects.filter(pk=job_id, finished_at__isnull=True)
    return bool(open_.update(state=State.STOPPED, finished_at=Now()))


def counts(job: ReplayJob) -> dict[str, int]:
    """Return what a job has done so far, as the audit trail notes it."""
    return {name: getattr(job, name) for name in ("done", "stored", "duplicates", "rejected", "skipped")}
