"""Services: logs, measurements and signs of life."""

from reports.rollups.columns import Bin, Count, First, Key, Last, Latest, Least, Most, Total
from reports.rollups.histograms import bin_sql
from reports.rollups.rollup import EventRollup

# Measurements are objects {metric, value}, or keys of their own with numbers, which no column holds. What is
# no number, or greater than a double, is left out; the order of the tests matters, hence CASE.
_MEASURED = """CROSS JOIN LATERAL (
  SELECT name, CASE jsonb_typeof(sent) WHEN 'number' THEN
    CASE WHEN abs(sent::numeric) < 1e300 THEN sent::float8 END END AS value
  FROM (
    SELECT item->>'metric' AS name, item->'value' AS sent
    FROM jsonb_array_elements(CASE jsonb_typeof(detail.metrics) WHEN 'array' THEN detail.metrics END) AS item
    UNION ALL
    SELECT key, value FROM jsonb_each(
      CASE jsonb_typeof(event.extra->'edata') WHEN 'object' THEN event.extra->'edata' END)
    WHERE key NOT IN ('system', 'subsystem', 'metrics')
  ) AS found
) AS measured"""
_IS_NUMBER = "measured.value IS NOT NULL"
_VALUE = "measured.value"


class Logs(EventRollup):
    """Log entries."""

    kinds = ("log",)

    level = Key("upper(detail.level)", help_text="TRACE, DEBUG, INFO, WARN, ERROR or FATAL.")
    type = Key("detail.type", help_text="What is logged.")
    events = Count(help_text="How many.")


class Metrics(EventRollup):
    """Measurements of services, numbers only."""

    kinds = ("metrics",)
    joins = _MEASURED
    where = _IS_NUMBER

    system = Key("detail.system", help_text="System that was measured.")
    subsystem = Key("detail.subsystem", help_text="Part of the system.")
    metric = Key("measured.name", help_text="Name of the metric.")
    count = Count(help_text="Number of measurements.")
    total = Total(_VALUE, help_text="Sum of the values.")
    least = Least(_VALUE, null=True, help_text="Lowest value.")
    most = Most(_VALUE, null=True, help_text="Highest value.")
    last = Last(_VALUE, at="latest", null=True, help_text="Last value.")
    latest = Latest("event.occurred_at", help_text="Time of the last value.")


class MetricShapes(EventRollup):
    """Distributions of measurements, as histograms accurate to 2 %."""

    kinds = ("metrics",)
    joins = _MEASURED
    where = _IS_NUMBER

    system = Key("detail.system", help_text="System that was measured.")
    subsystem = Key("detail.subsystem", help_text="Part of the system.")
    metric = Key("measured.name", help_text="Name of the metric.")
    bin = Bin(bin_sql(_VALUE), help_text="Bin of the histogram.")
    count = Count(help_text="Values in it.")


class Heartbeats(EventRollup):
    """Heartbeats. The first and last of each bucket are stored, so gaps of 15 minutes or more are exact."""

    kinds = ("heartbeat",)

    events = Count(help_text="How many.")
    first = First("event.occurred_at", help_text="Time of the first event.")
    latest = Latest("event.occurred_at", help_text="Time of the last event.")
