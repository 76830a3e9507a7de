"""Heartbeats: gaps between them, by source, from the first and last heartbeat of each bucket."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.filters import Filters
from reports.query.grains import Stretch
from reports.query.relation import fetch, relation
from reports.rollups.models import Heartbeats
from reports.rollups.rollup import Grain

LEAST = timedelta(minutes=15)  # shorter gaps lie inside a bucket and aren't visible
FACTOR = 3  # so many usual intervals without a sign are a silence

# Buckets of several versions or countries may overlap, so the latest heartbeat so far counts.
_SILENCES = """
SELECT source_id, sum(events)::bigint, min("first"), max("latest"),
       max("first" - heard) FILTER (WHERE "first" - heard > usual),
       count(*) FILTER (WHERE "first" - heard > usual),
       min(usual)
FROM (
  SELECT *, greatest(%(least)s, %(factor)s * (max("latest") OVER of_source - min("first") OVER of_source)
         / greatest(sum(events) OVER of_source - 1, 1)) AS usual
  FROM (
    SELECT *, max("latest") OVER (PARTITION BY source_id ORDER BY "first", "latest"
              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS heard
    FROM {made}
  ) signs WINDOW of_source AS (PARTITION BY source_id)
) measured GROUP BY source_id ORDER BY source_id
"""


@dataclass(frozen=True, slots=True)
class Life:
    """Heartbeats of a source."""

    source_id: int
    signs: int
    first: datetime
    latest: datetime
    longest: timedelta | None  # gap between two heartbeats
    silences: int
    usual: timedelta  # longer gaps are unusual


def lives(filters: Filters) -> list[Life]:
    """Return the sources that sent heartbeats in the period."""
    pieces = [Stretch(Grain.QUARTER, filters.period.since, filters.period.until)]
    made = relation(Heartbeats, filters, {}, pieces, keys=["source"], measures=["events", "first", "latest"])
    made.parameters.update(least=LEAST, factor=FACTOR)
    return [Life(*row) for row in fetch(made._replace(sql=_SILENCES.format(made=made.sql)))]


def overdue(life: Life, filters: Filters, now: datetime) -> timedelta | None:
    """Return how long before the end of the period the last heartbeat was, if that is unusual."""
    lasts = min(now, filters.period.until) - life.latest
    return lasts if lasts > life.usual else None
