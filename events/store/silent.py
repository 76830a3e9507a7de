"""Silent sources: the one definition, used by every page and digest.

A source is silent if something was received from it within two weeks, but nothing in the last 24 hours. If it
has paused for as long twice before, within four weeks, it isn't silent, because office applications pause at
weekends.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max, QuerySet, Sum, Value, Window
from django.db.models.functions import Lag
from django.db.models.lookups import GreaterThanOrEqual

from events.lib.formatting import duration_text
from events.store.usage import UsageHour, hour_of

SILENT_AFTER = timedelta(hours=24)
HEARD_WITHIN = timedelta(days=14)
PAUSED_WITHIN = timedelta(days=28)
USUAL = 2  # this many pauses of the same length make a silence normal


@dataclass(frozen=True, slots=True)
class SilentSource:
    """A source that sent events recently but has stopped."""

    source_id: int
    name: str
    organization_id: int
    last: datetime  # the last hour in which something was received
    received: int  # events within the two weeks
    lasts: timedelta  # whole hours

    @property
    def since(self) -> str:
        """Return the length of its silence with non-breaking spaces, such as 1 d 17 h."""
        return duration_text(self.lasts.total_seconds()).replace(" ", "\N{NO-BREAK SPACE}")


def silent_sources(hours: QuerySet[UsageHour], now: datetime) -> list[SilentSource]:
    """Return the silent sources by some counters, the most active first.

    Merged sources are never silent, since others send in their place. Neither are those without stored
    events.
    """
    this = hour_of(now)
    heard = hours.filter(hour__gt=this - HEARD_WITHIN, received__gt=0, source__merged_into=None)
    rows = (
        heard.values("source_id", "source__name", "source__organization_id")
        .annotate(last=Max("hour"), received_sum=Sum("received"), stored_sum=Sum("stored"))
        .filter(stored_sum__gt=0, last__lte=this - SILENT_AFTER)
        .order_by("-received_sum", "source__name")
    )
    found = [
        SilentSource(
            row["source_id"],
            row["source__name"],
            row["source__organization_id"],
            row["last"],
            row["received_sum"],
            this - row["last"],
        )
        for row in rows
    ]
    pauses = _pauses(hours, [each.source_id for each in found], this) if found else Counter[int]()
    return [each for each in found if pauses[each.source_id] < USUAL]


def _pauses(hours: QuerySet[UsageHour], sources: list[int], this: datetime) -> Counter[int]:
    """Count the pauses of each source that lasted as long as its silence."""
    rows = hours.filter(source_id__in=sources, hour__gt=this - PAUSED_WITHIN, received__gt=0).annotate(
        heard_before=Window(Lag("hour"), partition_by="source_id", order_by="hour"),
        heard_last=Window(Max("hour"), partition_by="source_id"),
    )
    long = GreaterThanOrEqual(F("hour") - F("heard_before"), Value(this) - F("heard_last"))
    return Counter(rows.filter(long).values_list("source_id", flat=True))
