"""Celery tasks of rollups."""

from typing import Any

from celery import shared_task

from reports.rollups import folding

FOLD_SECONDS = 10.0  # after that the task ends, so that a worker told to stop needn't be killed


@shared_task(name="rollups.fold", time_limit=3_600)
def fold(**_: Any) -> None:
    """Fold what was touched since."""
    folding.tick(seconds=FOLD_SECONDS)
