"""Receipt: the counters of usage that filters leave, by hour of receipt (UTC), not of occurrence.

Counters know hours only. In zones that are half or a quarter of an hour off UTC, the hours that begin in a
period count (docs/decisions/137), and pages say so.
"""

from typing import TypeVar

from django.db.models import QuerySet

from events.store.usage import UsageHour, WarningHour
from reports.filters import Filters

Hour = TypeVar("Hour", UsageHour, WarningHour)


def of_receipt(hours: QuerySet[Hour], filters: Filters) -> QuerySet[Hour]:
    """The hours of the period. Counters know no countries, those of usage no versions: who asks looks."""
    period = filters.period.by_utc_hours()
    hours = hours.filter(hour__gte=period.since, hour__lt=period.until)
    if filters.owners is not None:
        hours = hours.filter(owner_id__in=filters.owners)
    if filters.sources:
        hours = hours.filter(source_id__in=filters.sources)
    return hours.filter(kind__in=filters.kinds) if filters.kinds else hours
