"""Inbox: how many requests are waiting and for how long, and the delay and speed of filing.

The inbox is a table of ingestion, read by SQL (docs/decisions/106). Every statement reads a bounded number of
rows by an index, however long the queue is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from events.identity import week_of
from events.lib.sql import Fetched, Parameters
from events.partitioned.partitions import Week, weeks
from reports.filters import Filters
from reports.query.series import Counts

COUNTED = 100_000  # requests, and rows of other backlogs; of more it is known that there are more
SAMPLED = 5_000  # events, the last that were received
SAMPLE_DAYS = 1
SUSPECT = 3  # attempts before a request is isolated
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Inbox:
    """Requests and events waiting to be filed."""

    requests: int
    events: int
    oldest: float | None  # seconds since the oldest came in
    suspects: int  # requests that were tried SUSPECT times or more


@dataclass(frozen=True, slots=True)
class Filing:
    """Speed and delay of filing, measured on the latest events."""

    events: int  # in the sample
    p50: float | None  # seconds from received to filed
    p95: float | None
    p99: float | None
    per_second: float  # filed in the last minute
    since: datetime | None  # when the first of them was received


_WAITING = """
SELECT count(*), coalesce(sum(events), 0), count(*) FILTER (WHERE attempts >= %s),
       extract(epoch FROM %s - min(received_at) FILTER (WHERE place = 1))
FROM (
    SELECT received_at, events, attempts, row_number() OVER (ORDER BY id) AS place
    FROM ingestion_inboxrequest ORDER BY id LIMIT %s
) AS waiting
"""

# The latest received events, by the index on that column. After a backlog they are also the last ones filed.
_FILED = """
SELECT count(*), percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
           ORDER BY extract(epoch FROM ingested_at - received_at)),
       count(*) FILTER (WHERE ingested_at > %(minute)s),
       extract(epoch FROM %(now)s - min(ingested_at)), min(received_at)
FROM (
    SELECT received_at, ingested_at FROM events_event
    WHERE received_at > %(since)s ORDER BY received_at DESC, id DESC LIMIT %(rows)s
) AS last
"""


def inbox(now: datetime) -> Inbox:
    """Return the waiting requests, in one statement."""
    requests, events, suspects, oldest = _one(_WAITING, [SUSPECT, now, COUNTED])
    return Inbox(requests, int(events), None if oldest is None else max(0.0, float(oldest)), suspects)


def filing(now: datetime) -> Filing:
    """Return how the latest events were filed, in one statement."""
    asked = {
        "now": now,
        "minute": now - MINUTE,
        "since": now - timedelta(days=SAMPLE_DAYS),
        "rows": SAMPLED,
    }
    events, lags, of_minute, oldest, since = _one(_FILED, asked)
    p50, p95, p99 = [max(0.0, float(lag)) for lag in lags] if lags else (None, None, None)
    # If the whole sample is from the last minute, it covers less than a minute.
    seconds = 60.0 if of_minute < SAMPLED else min(60.0, max(1.0, float(oldest)))
    return Filing(events, p50, p95, p99, of_minute / seconds, since)


@dataclass(frozen=True, slots=True)
class Use:
    """Bytes that an owner has waiting and rejected, and their limits."""

    owner: str
    waiting: int
    most_waiting: int
    rejected: int
    most_rejected: int

    @property
    def share(self) -> float:
        """The used part of the closer limit."""
        return max(
            self.waiting / max(1, self.most_waiting),
            self.rejected / max(1, self.most_rejected),
        )


OWNERS = 10  # owners with the highest use
# Ingestion counts 1,024 bytes per row in addition to its body.
_USES = """
SELECT name, waiting, max_waiting, rejected, max_rejected FROM (
    SELECT owner.name, coalesce(inbox.bytes, 0)::bigint AS waiting, coalesce(size.bytes, 0) AS rejected,
           coalesce(owner.max_waiting_bytes, %(waiting)s) AS max_waiting,
           coalesce(owner.max_rejected_bytes, %(rejected)s) AS max_rejected
    FROM (SELECT owner_id, sum(octet_length(body) + 1024) AS bytes FROM (
              SELECT owner_id, body FROM ingestion_inboxrequest ORDER BY id LIMIT %(counted)s
          ) AS first GROUP BY 1) AS inbox
    FULL JOIN ingestion_rejectedsize AS size USING (owner_id)
    JOIN events_owner AS owner ON owner.id = owner_id
) AS used
WHERE waiting > 0 OR rejected > 0
ORDER BY greatest(waiting::float / greatest(max_waiting, 1),
                  rejected::float / greatest(max_rejected, 1)) DESC, name
LIMIT %(owners)s
"""


def uses() -> tuple[Use, ...]:
    """Return the owners closest to a byte limit, in one statement."""
    asked = {
        "waiting": settings.OWNER_MAX_WAITING_BYTES,
        "rejected": settings.OWNER_MAX_REJECTED_BYTES,
        "counted": COUNTED,
        "owners": OWNERS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_USES, asked)
        return tuple(Use(*row) for row in cursor.fetchall())


MEASURES = ("stored", "duplicates", "rejected")

_HOURS = """
SELECT width_bucket(hour, %(starts)s::timestamptz[]), sum(stored)::bigint, sum(duplicates)::bigint,
       sum(rejected)::bigint
FROM events_usagehour
WHERE owner_id = ANY(ARRAY(SELECT id FROM events_owner)) AND hour >= %(since)s AND hour < %(until)s
GROUP BY 1
"""


def throughput(filters: Filters, now: datetime) -> dict[str, Counts]:
    """Count stored, rejected and duplicate events by bucket of receipt, in whole UTC hours."""
    period = filters.period.by_utc_hours()
    starts = period.buckets(filters.granularity)
    asked: Parameters = {"starts": starts, "since": period.since, "until": period.until}
    with connection.cursor() as cursor:
        cursor.execute(_HOURS, asked)
        found: dict[int, tuple[int, ...]] = {place: counts for place, *counts in cursor.fetchall()}
    nothing = (0,) * len(MEASURES)
    return {
        name: tuple(
            None if start > now else found.get(at, nothing)[place] for at, start in enumerate(starts, start=1)
        )
        for place, name in enumerate(MEASURES)
    }


def partitions(now: datetime) -> tuple[tuple[Week, ...], int]:
    """Return the weeks with partitions, newest first, and the number of partitions created ahead."""
    found = weeks()
    this_week = week_of(now).date()
    ready = sum(week.begins > this_week for week in found)
    return tuple(found), ready


def _one(sql: str, parameters: Any) -> Fetched:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row: Fetched = cursor.fetchone()
        return row
