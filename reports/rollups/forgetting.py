"""Erasure in rollups: rebuilds at once the rollups that an erased actor's events were part of."""

import time
from datetime import datetime

from events.ownership.erased import Erased, forgets
from events.store.touched import TouchedQuarter
from reports.rollups import folding
from reports.rollups.resting import RestingQuarter

SECONDS = 120.0


@forgets("rollup_cells")
def forget(erased: Erased, _: datetime) -> int:
    """Fold the quarters that the erasure changed; after two minutes the worker folds the rest."""
    RestingQuarter.objects.filter(owner=erased.owner).delete()
    waiting = TouchedQuarter.objects.filter(owner=erased.owner)
    until = time.monotonic() + SECONDS
    folded = 0
    while waiting.exists() and time.monotonic() < until:
        folded += folding.tick(seconds=until - time.monotonic())
        if waiting.exists():
            time.sleep(0.2)  # a worker is folding the rest
    return folded
