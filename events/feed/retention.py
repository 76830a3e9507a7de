"""Retention and erasure of the feed: changes go with what they are about.

A position is a time, and nothing occurs long after it was filed. So changes whose position is a week before
the first event that is kept are about removed events only.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from events.changes import blanking, change
from events.changes.change import Change, What
from events.changes.reading import since
from events.lib.janitors import janitor
from events.ownership.erased import Erased, forgets
from events.sessions.session import Session
from events.store import retention
from events.store.erasing import patiently

_WEEK = timedelta(weeks=1)


@janitor("changes")
def remove_old(_: datetime) -> int:
    """Remove changes about removed events and sessions, and give positions where nobody reads the feed."""
    change.number_all()
    kept = retention.current()
    removed = remove_before(What.EVENTS, kept.events) if kept.events else 0
    return removed + (remove_before(What.SESSIONS, kept.reports) if kept.reports else 0)


def remove_before(what: What, kept_since: datetime) -> int:
    """Remove changes of what occurred before a time."""
    ahead = max(_WEEK, timedelta(hours=settings.EVENT_MAX_AHEAD_HOURS))
    with transaction.atomic():
        patiently()
        old = Change.objects.filter(what=what, position__lt=since(kept_since - ahead).position)
        removed, _ = old.delete()
    return removed


@forgets("changes")
def erase_from_changes(erased: Erased, _: datetime) -> int:
    """Blank the ids of the owner's sessions that are gone. Those of events are blanked with the events."""
    with transaction.atomic():
        patiently()
        return blanking.blank_missing(What.SESSIONS, erased.owner.pk, Session._meta.db_table)
