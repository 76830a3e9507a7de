"""PostgreSQL reads only a session's own events to summarise it, with and without statistics."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from events.event import Event
from events.sessions.claiming import small_keys
from events.sessions.reading import Window, statement
from events.store.pending import SessionKey
from tests.plans.filling import start_afresh
from tests.sending import Sender
from tests.sessions.stored import base_ms, file
from tests.sessions.test_cut_sessions import at

MANY = 40_000  # events of other sessions, in the same time
COLUMNS = (
    "id, dialect, kind, owner_id, source_id, session, device, channel, occurred_at, received_at, ingested_at"
)
_FILL = f"""
INSERT INTO events_event ({COLUMNS}, billed_bytes, wire_bytes)
SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || '8' || left(md5(g::text), 3)
        || '8' || right(md5(g::text), 15))::uuid,
       'sunbird', 'impression', %(owner)s, %(source)s, CASE WHEN %(named)s THEN 'other ' || g %% 500 END,
       'other ' || g %% 500, 'c1', t, t, t, 1, 1
FROM (SELECT g, to_timestamp(%(base)s / 1000.0) + g * interval '100 milliseconds' AS t
      FROM generate_series(1, {MANY}) g) moments
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def fill(sender: Sender, *, named: bool) -> Event:
    """Create fifty events of one session among many others of the same owner and source."""
    start_afresh()
    file(sender, *(at(n, sid="mine" if named else "") for n in range(50)))
    event = Event.objects.all()[0]
    with connection.cursor() as cursor:
        cursor.execute(
            _FILL,
            {"owner": event.owner_id, "source": event.source_id, "base": base_ms(), "named": named},
        )
        cursor.execute(
            "INSERT INTO events_impression (id, pageid, type) SELECT id, 'a', 'b' FROM events_event"
            " WHERE kind = 'impression'"
        )
    return event


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("column", ["session", "device"])
def test_only_the_sessions_own_events_are_read(sender: Sender, column: str, analyzed: bool) -> None:
    event = fill(sender, named=column == "session")
    if analyzed:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE events_event, events_impression")
    key = SessionKey(event.owner_id, event.source_id, event.session, None, None)
    if column == "device":
        key = SessionKey(event.owner_id, event.source_id, None, event.device, event.channel)
    first, last = Event.objects.order_by("id")[0], Event.objects.order_by("-id")[0]
    windows = [(0, Window(key, first.occurred_at, last.occurred_at))]
    sql, parameters = statement(windows, None, column)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql, parameters)
        (root,) = cursor.fetchone()[0]
    scans = [node for node in nodes(root["Plan"]) if "Relation Name" in node and "Plans" not in node]
    read = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans
    )
    assert read <= 100, json.dumps(root, indent=1)
    # Partitions of other weeks aren't even in the plan.
    weeks = {node["Relation Name"] for node in scans if node["Relation Name"].startswith("events_event_")}
    assert len(weeks) <= 2, weeks


@pytest.mark.parametrize("analyzed", [False, True])
def test_a_block_reads_pending_sessions_in_index_order(sender: Sender, analyzed: bool) -> None:
    """It neither reads nor sorts all pending sessions."""
    event = fill(sender, named=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_touchedsession (owner_id, source_id, session, since, until)"
            " SELECT %s, %s, 'other ' || g, now(), now() FROM generate_series(1, 60000) g",
            [event.owner_id, event.source_id],
        )
        if analyzed:
            cursor.execute("ANALYZE events_touchedsession, events_largesession")
        statement, parameters = small_keys(None, 1_000)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        (plan,) = cursor.fetchone()[0]
    read = {node["Node Type"] for node in nodes(plan["Plan"]) if node.get("Alias") == "t"}
    assert read == {"Index Scan"}
    assert "Sort" not in {node["Node Type"] for node in nodes(plan["Plan"])}
