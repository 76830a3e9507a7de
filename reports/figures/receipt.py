"""Receipt: received and rejected events by hour of receipt, and silent sources."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import connection
from django.db.models import QuerySet

from events.lib.sql import Parameters
from events.store.silent import SilentSource, silent_sources
from events.store.usage import UsageHour, WarningHour
from reports.filters import Filters
from reports.query.series import Counts, summed

Hour = TypeVar("Hour", UsageHour, WarningHour)


def of_receipt(hours: QuerySet[Hour], filters: Filters) -> QuerySet[Hour]:
    """Return the hours of the period.

    Callers must check the filters: counters have no countries, usage no versions.
    """
    period = filters.period.by_utc_hours()
    hours = hours.filter(hour__gte=period.since, hour__lt=period.until)
    if filters.owners is not None:
        hours = hours.filter(owner_id__in=filters.owners)
    if filters.sources:
        hours = hours.filter(source_id__in=filters.sources)
    return hours.filter(kind__in=filters.kinds) if filters.kinds else hours


Key = TypeVar("Key", str, int)

# Anything received since then has a last receipt since then, and that column is indexed.
_REJECTED = """
SELECT code, source_id, width_bucket(received_at, %(starts)s::timestamptz[]), count(*)
FROM (
    SELECT code, source_id, kind, received_at FROM ingestion_rejectedevent
    WHERE owner_id = ANY({owners}) AND last_received_at >= %(since)s
      AND received_at >= %(since)s AND received_at < %(until)s
  UNION ALL
    SELECT code, source_id, kind, received_at FROM ingestion_discardedevent
    WHERE owner_id = ANY({owners}) AND received_at >= %(since)s AND received_at < %(until)s
) AS rejected
WHERE {narrowed}
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The events rejected in a period."""

    by_code: dict[str, int]  # the most frequent first
    by_source: dict[int, int]
    codes_of: dict[int, dict[str, int]]  # by source, the most frequent first
    over_time: dict[str, Counts]  # by code

    @property
    def events(self) -> int:
        """Return the number of events."""
        return sum(self.by_code.values())

    @property
    def total(self) -> Counts:
        """Return the total over time; empty if nothing was rejected."""
        return summed(self.over_time.values())


def rejected(filters: Filters, now: datetime) -> Rejected | None:
    """Count rejected events; None if filtered by version, country or bots, which they don't have."""
    if filters.is_beyond_usage:
        return None
    filters = filters.by_utc_hours()
    starts = filters.period.buckets(filters.granularity)
    by_code: Counter[str] = Counter()
    by_source: Counter[int] = Counter()
    codes_of: defaultdict[int, Counter[str]] = defaultdict(Counter)
    places: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for code, source, place, events in _rows(filters, starts):
        by_code[code] += events
        by_source[source] += events
        codes_of[source][code] += events
        places[code][place] += events
    return Rejected(
        by_code=_ranked(by_code),
        by_source=_ranked(by_source),
        codes_of={source: _ranked(codes) for source, codes in codes_of.items()},
        over_time={
            code: tuple(
                None if start > now else places[code][place] for place, start in enumerate(starts, start=1)
            )
            for code in _ranked(by_code)
        },
    )


def _rows(filters: Filters, starts: list[datetime]) -> list[tuple[str, int, int, int]]:
    narrowed = [
        f"{column} = ANY(%({column})s)"
        for column, values in (("source_id", filters.sources), ("kind", filters.kinds))
        if values
    ]
    sql = _REJECTED.format(
        # A list of keys, so that the index that begins with the owner can be used.
        owners="ARRAY(SELECT id FROM events_owner)" if filters.owners is None else "%(owners)s",
        narrowed=" AND ".join(narrowed) or "TRUE",
    )
    parameters: Parameters = {
        "starts": starts,
        "since": filters.period.since,
        "until": filters.period.until,
        "owners": list(filters.owners or ()),
        "source_id": list(filters.sources),
        "kind": list(filters.kinds),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[tuple[str, int, int, int]] = cursor.fetchall()
        return found


def _ranked(counts: Counter[Key]) -> dict[Key, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def silent(filters: Filters, now: datetime) -> tuple[SilentSource, ...]:
    """Return the silent sources, the most active first, whatever the period.

    Filtered by owner and source only. A source that sends other kinds, versions or countries isn't silent.
    """
    hours = UsageHour.objects.all()
    if filters.owners is not None:
        hours = hours.filter(owner_id__in=filters.owners)
    if filters.sources:
        hours = hours.filter(source_id__in=filters.sources)
    return tuple(silent_sources(hours, now))
