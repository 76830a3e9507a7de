"""Waiting: whether what a digest would tell is still being summed up."""

from collections.abc import Sequence

from events.ownership.owner import Owner
from events.store.pending import TouchedQuarter, TouchedSession
from reports.periods import Period


def is_behind(period: Period, owners: Sequence[Owner]) -> bool:
    """Return whether events or sessions of a period wait for sessions or rollups to take them in."""
    keys = [owner.pk for owner in owners]
    quarters = TouchedQuarter.objects.filter(
        owner_id__in=keys, quarter__gte=period.since, quarter__lt=period.until
    )
    sessions = TouchedSession.objects.filter(
        owner_id__in=keys, since__lt=period.until, until__gte=period.since
    )
    return quarters.exists() or sessions.exists()
