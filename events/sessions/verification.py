"""Checks that sessions agree with events. Each statement returns one row per difference.

Keys that are pending are left out, since their sessions are about to change. So are sessions that outlived
their events.
"""

from psycopg.sql import SQL, Identifier

from events.store.retention import COMPUTED_SINCE

_IS_PENDING = SQL("""EXISTS (
  SELECT FROM events_touchedsession t WHERE t.owner_id = {row}.owner_id AND t.source_id = {row}.source_id
     AND coalesce(t.session, '') = coalesce({row}.session, '')
     AND ({row}.session IS NOT NULL OR
          (t.device = {row}.device AND coalesce(t.channel, '') = coalesce({row}.channel, ''))))
""")

_WITH_IDS = (
    SQL("""
SELECT key.owner_id, key.source_id, key.session, key.kind, key.found, key.counted
FROM (
  SELECT owner_id, source_id, session, kind, found.count AS found, counted.count AS counted,
         NULL::text AS device, NULL::text AS channel
  FROM (SELECT owner_id, source_id, session, kind, count(*) FROM events_event
        WHERE session IS NOT NULL AND occurred_at >= {computed_since} GROUP BY 1, 2, 3, 4) found
  FULL JOIN (SELECT s.owner_id, s.source_id, s.session, c.kind, sum(c.count) AS count
             FROM events_session s JOIN events_sessioneventcount c ON c.session_id = s.id
             WHERE s.session IS NOT NULL AND s.started_at >= {computed_since} GROUP BY 1, 2, 3, 4) counted
       USING (owner_id, source_id, session, kind)
  WHERE found.count IS DISTINCT FROM counted.count) key
WHERE NOT {is_pending}
""")
    .format(computed_since=COMPUTED_SINCE, is_pending=_IS_PENDING.format(row=Identifier("key")))
    .as_string()
)

_TWICE = """
SELECT owner_id, source_id, session, count(*) FROM events_session
WHERE session IS NOT NULL GROUP BY 1, 2, 3 HAVING count(*) > 1
"""

_SAME_DEVICE = SQL("""
s.owner_id = e.owner_id AND s.source_id = e.source_id AND s.device = e.device AND s.session IS NULL
AND s.channel IS NOT DISTINCT FROM e.channel AND e.occurred_at BETWEEN s.started_at AND s.ended_at
""")

_CUT = (
    SQL("""
SELECT e.id, count(s.id) FROM events_event e LEFT JOIN events_session s ON {same_device}
WHERE e.session IS NULL AND e.device IS NOT NULL AND e.occurred_at >= {computed_since}
  AND NOT {is_pending}
GROUP BY e.id HAVING count(s.id) <> 1
""")
    .format(
        computed_since=COMPUTED_SINCE,
        same_device=_SAME_DEVICE,
        is_pending=_IS_PENDING.format(row=Identifier("e")),
    )
    .as_string()
)

_CUT_COUNTS = (
    SQL("""
SELECT key.id, kind, found, counted
FROM (
  SELECT id, kind, found.count AS found, counted.count AS counted
  FROM (SELECT s.id, e.kind, count(*) FROM events_event e JOIN events_session s ON {same_device}
        WHERE e.session IS NULL AND e.device IS NOT NULL GROUP BY 1, 2) found
  FULL JOIN (SELECT s.id, c.kind, c.count FROM events_session s
             JOIN events_sessioneventcount c ON c.session_id = s.id
             WHERE s.session IS NULL AND s.started_at >= {computed_since}) counted
       USING (id, kind)
  WHERE found.count IS DISTINCT FROM counted.count) difference
JOIN events_session key USING (id) WHERE NOT {is_pending}
""")
    .format(
        computed_since=COMPUTED_SINCE,
        same_device=_SAME_DEVICE,
        is_pending=_IS_PENDING.format(row=Identifier("key")),
    )
    .as_string()
)

_MEASURES = (
    SQL("""
SELECT key.id, key.started_at, found.first, key.ended_at, found.last
FROM events_session key
JOIN (SELECT owner_id, source_id, session, min(occurred_at) AS first, max(occurred_at) AS last
      FROM events_event WHERE session IS NOT NULL GROUP BY 1, 2, 3) found
     USING (owner_id, source_id, session)
WHERE (key.started_at, key.ended_at) IS DISTINCT FROM (found.first, found.last)
  AND NOT {is_pending}
""")
    .format(is_pending=_IS_PENDING.format(row=Identifier("key")))
    .as_string()
)

_SUMS = """
SELECT s.id, s.events, c.count, s.page_views, p.visits
FROM events_session s
LEFT JOIN (SELECT session_id, sum(count) AS count FROM events_sessioneventcount GROUP BY 1) c
     ON c.session_id = s.id
LEFT JOIN (SELECT session_id, sum(visits) AS visits FROM events_sessionpage GROUP BY 1) p
     ON p.session_id = s.id
WHERE (s.events, s.page_views) IS DISTINCT FROM (c.count, coalesce(p.visits, 0))
"""

CHECKS = (
    ("sessions and events disagree", _WITH_IDS),
    ("a session ID has more than one session", _TWICE),
    ("an event of a device is not in exactly one session", _CUT),
    ("sessions of devices and events disagree", _CUT_COUNTS),
    ("a session is not as long as its events", _MEASURES),
    ("a session's counts disagree with its sums", _SUMS),
)

# The number of pending keys.
PENDING = """
SELECT count(*) FROM (SELECT DISTINCT owner_id, source_id, session, device, channel
                      FROM events_touchedsession) keys
"""
