"""Silent sources of a report: those that are silent now, by the rule of events.store.silent."""

from datetime import datetime

from events.store.silent import SilentSource, silent_sources
from events.store.usage import UsageHour
from reports.filters import Filters


def silent(filters: Filters, now: datetime) -> tuple[SilentSource, ...]:
    """Return the silent sources, those that sent most first, whatever the period.

    Owners and sources narrow it. A source that sends other kinds, versions or countries isn't silent.
    """
    hours = UsageHour.objects.all()
    if filters.owners is not None:
        hours = hours.filter(owner_id__in=filters.owners)
    if filters.sources:
        hours = hours.filter(source_id__in=filters.sources)
    return tuple(silent_sources(hours, now))
