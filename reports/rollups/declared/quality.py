"""Quality: what events carry that no column holds, and how wrong the clocks of their senders are."""

from collections.abc import Sequence

from events.kinds import KINDS
from events.lib.sql import compose
from reports.rollups.columns import Bin, Count, Key
from reports.rollups.rollup import EventRollup

SECONDS = (-86_400, -3_600, -300, -60, -10, 10, 60, 300, 3_600, 86_400)  # edges of the bins of skew
_EDGES = ", ".join(f"{edge * 1000}::bigint" for edge in SECONDS)


# Objects that columns lie in: an empty one is no unknown key.
_KNOWN = sorted(
    {
        ".".join(leaf.path[:depth])
        for entry in KINDS.values()
        for leaf in entry.schema.leaves
        for depth in range(1, len(leaf.path))
    }
)
# Where a source or an owner is named, by format. What is kept there is its name as it was sent, which differs
# where a source is merged, or is one too many: it is no unknown key.
_NAMED = sorted(
    {
        (entry.schema.dialect, entry.schema.named[name].path)
        for entry in KINDS.values()
        for name in ("source", "owner")
        if name in entry.schema.named
    }
)
_DEEPEST = 8  # levels that are looked into; an object below is named as a whole


_UNKNOWN = """CROSS JOIN LATERAL (
  WITH RECURSIVE walked (path, value, depth) AS (
    SELECT key, value, 1 FROM jsonb_each(event.extra)
    UNION ALL
    SELECT walked.path || '.' || inner_.key, inner_.value, walked.depth + 1
    FROM walked
    CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(walked.value) WHEN 'object' THEN walked.value END)
      AS inner_ (key, value)
    WHERE walked.depth < {deepest}
  )
  SELECT DISTINCT path FROM walked
  WHERE (jsonb_typeof(value) <> 'object' OR depth = {deepest}
      OR (value = '{{}}' AND path <> ALL ('{known}'::text[])))
    AND NOT (jsonb_typeof(value) = 'string' AND event.dialect || ' ' || path = ANY ('{named}'::text[]))
) AS unknown"""


def _is_only_name(dialect: str, path: Sequence[str]) -> str:
    """Return the condition that an event keeps nothing but this name, so that its keys needn't be walked."""
    around = "".join(f'{{"{key}": ' for key in path[:-1])
    return compose(
        "event.dialect = '{dialect}' AND jsonb_typeof(event.extra #> '{path}') = 'string'"
        " AND event.extra #- '{path}' = '{around}'::jsonb",
        dialect=dialect,
        path="{" + ",".join(path) + "}",
        around=around + "{}" + "}" * (len(path) - 1),
    )


class UnknownKeys(EventRollup):
    """Keys without a column, or whose value differs from the column's."""

    joins = compose(
        _UNKNOWN,
        deepest=str(_DEEPEST),
        known="{" + ",".join(_KNOWN) + "}",
        named="{" + ",".join(f'"{dialect} {".".join(path)}"' for dialect, path in _NAMED) + "}",
    )
    where = "jsonb_typeof(event.extra) = 'object'" + "".join(
        f" AND NOT ({_is_only_name(dialect, path)})" for dialect, path in _NAMED
    )

    kind = Key("event.kind", help_text="Kind of event.")
    path = Key("unknown.path", help_text="Path of the key.")
    events = Count(help_text="Number of events with this key.")


class Skews(EventRollup):
    """Differences between senders' clocks and the server's."""

    where = "event.clock_skew_ms IS NOT NULL"

    kind = Key("event.kind", help_text="Kind of event.")
    bin = Bin(
        f"width_bucket(event.clock_skew_ms, ARRAY[{_EDGES}])",
        help_text="Number of the edges -1 day, -1 h, -5 min, -1 min, -10 s, 10 s and so on that the skew"
        " has reached.",
    )
    events = Count(help_text="How many.")
