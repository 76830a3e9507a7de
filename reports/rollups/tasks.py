"""Celery tasks of rollups."""

from typing import Any

from celery import shared_task

from reports.rollups import folding

FOLD_SECONDS = 10.0  # after that the task ends, so that a worker told to stop needn't be killed
LIMIT_SECONDS = 3_600  # a block that takes longer hangs


@shared_task(name="rollups.fold", time_limit=LIMIT_SECONDS)
def fold(**_: Any) -> None:
    """Fold what was touched since."""
    folding.tick(seconds=FOLD_SECONDS)
