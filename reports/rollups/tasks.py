"""Celery tasks of rollups."""

from celery import shared_task
from django.utils import timezone

from events.removal import reports_kept_since
from reports.rollups import folding, rebuilding

FOLD_SECONDS = 10.0  # the task ends after this, so that a worker told to stop needn't be killed


@shared_task(name="rollups.fold", time_limit=3_600)
def fold(**_: object) -> None:
    """Aggregate the pending quarters."""
    folding.tick(seconds=FOLD_SECONDS)


@shared_task(name="rollups.remove_old", time_limit=2 * 3_600)
def remove_old(**_: object) -> None:
    """Remove rollups older than the retention of reports."""
    if (until := reports_kept_since(timezone.now())) is not None:
        rebuilding.remove_before(until)
