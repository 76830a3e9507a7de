"""Celery tasks of rollups."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from events.removal import reports_kept_since
from reports.rollups import folding, rebuilding

FOLD_SECONDS = 10.0  # after that the task ends, so that a worker told to stop needn't be killed


@shared_task(name="rollups.fold", time_limit=3_600)
def fold(**_: Any) -> None:
    """Fold what was touched since."""
    folding.tick(seconds=FOLD_SECONDS)


@shared_task(name="rollups.remove_old", time_limit=2 * 3_600)
def remove_old(**_: Any) -> None:
    """Remove the rollups that are older than reports are kept."""
    if (until := reports_kept_since(timezone.now())) is not None:
        rebuilding.remove_before(until)
