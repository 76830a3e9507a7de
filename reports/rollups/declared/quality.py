"""Quality: what events carry that no column holds, and how wrong the clocks of their senders are."""

from reports.rollups.columns import Bin, Count, Key
from reports.rollups.rollup import EventRollup

SECONDS = (-86_400, -3_600, -300, -60, -10, 10, 60, 300, 3_600, 86_400)  # edges of the bins of skew
_EDGES = ", ".join(f"{edge * 1000}::bigint" for edge in SECONDS)


class UnknownKeys(EventRollup):
    """Keys that no column holds, or whose value is another than the column's."""

    joins = """CROSS JOIN LATERAL jsonb_each(event.extra) AS outer_ (key, value)
CROSS JOIN LATERAL (
  SELECT outer_.key || '.' || inner_.key AS path
  FROM jsonb_object_keys(CASE jsonb_typeof(outer_.value) WHEN 'object' THEN outer_.value END) AS inner_ (key)
  UNION ALL
  SELECT outer_.key WHERE jsonb_typeof(outer_.value) <> 'object' OR outer_.value = '{}'
) AS unknown"""
    where = "jsonb_typeof(event.extra) = 'object'"

    kind = Key("event.kind", help_text="Kind of event.")
    path = Key("unknown.path", help_text="The key, with the one around it.")
    events = Count(help_text="Events that have it.")


class Skews(EventRollup):
    """How far senders' clocks were ahead of ours."""

    where = "event.clock_skew_ms IS NOT NULL"

    kind = Key("event.kind", help_text="Kind of event.")
    bin = Bin(
        f"width_bucket(event.clock_skew_ms, ARRAY[{_EDGES}])",
        help_text="How many of the edges -1 day, -1 h, -5, -1 min, -10 s, 10 s and so on it is at or above.",
    )
    events = Count(help_text="How many.")
