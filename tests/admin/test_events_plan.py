"""PostgreSQL reads a bounded number of rows for a page of the list of events, whatever the filters."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.event import Event
from events.lib.paging import WINDOWS
from tests.admin.conftest import EVENTS, filed, html_of
from tests.sending import Sender, log_event

MANY = 40_000  # events, five seconds apart
RECEIVED = "received_since=2020-01-01T00:00"
RARE = 20  # the oldest ones are of another kind

LOGS = "/admin/events/log/"

# Rows as filing would write them, as far as the list reads them. Posting this many would take a minute.
_FILL = """
INSERT INTO events_event (id, dialect, kind, owner_id, source_id, occurred_at, received_at, ingested_at,
                          billed_bytes, wire_bytes)
SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || '8' || left(md5(g::text), 3)
        || '8' || right(md5(g::text), 15))::uuid,
       'sunbird', CASE WHEN g > %s THEN 'summary' ELSE 'log' END, %s, %s, t, t, t, 1, 1
FROM (SELECT g, now() - g * interval '5 seconds' AS t FROM generate_series(1, %s) g) moments
"""


@pytest.fixture
def filled(team_a: Sender) -> None:
    event = filed(team_a, log_event())
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [MANY - RARE, event.owner_id, event.source_id, MANY])
        for kind in ("summary", "log"):
            cursor.execute(
                f"INSERT INTO events_{kind} (id) SELECT id FROM events_event WHERE kind = %s"
                " ON CONFLICT DO NOTHING",
                [kind],
            )
            cursor.execute(f"ANALYZE events_{kind}")
        cursor.execute("ANALYZE events_event")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def read_for(client: Client, path: str, tables: str = "events_(event|log|summary)") -> tuple[int, str]:
    """Return the number of rows read, including those a filter discards, and the plans."""
    with CaptureQueriesContext(connection) as captured:
        html_of(client, path)
    of_tables = re.compile(f'FROM "{tables}"')
    asked = [sql["sql"] for sql in captured.captured_queries if of_tables.search(sql["sql"])]
    read, plans = zip(*map(read_by, asked), strict=True)
    return sum(read), "\n".join(plans)


def read_by(statement: str) -> tuple[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".replace("%", "%%"))
        plan = cursor.fetchone()[0]
    (root,) = json.loads(plan) if isinstance(plan, str) else plan
    read = sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in nodes(root["Plan"])
        if "Relation Name" in node and "Plans" not in node
    )
    return read, json.dumps(root, indent=1)


@pytest.fixture
def rare_owner(filled: None, team_b: Sender) -> None:
    """Give team B a handful of old events among the many of team A."""
    theirs = Event.objects.filter(kind="log").order_by("id")[:RARE].values_list("pk", flat=True)
    Event.objects.filter(pk__in=list(theirs)).update(owner=team_b.key.default_owner)


def test_a_filter_without_an_index_reads_a_bounded_number_of_rows(
    rare_owner: None, alice: Client, bob: Client, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = (100, 400, 1_600)  # far fewer than there are, so that reading everything fails
    monkeypatch.setattr("events.lib.paging.WINDOWS", windows)
    bound = 5 * sum(windows)  # both tables of a window, and the two indexes that it is measured on
    searched = ("?q=nobody", "?q=odd:key", "?actor=nobody", "?device=nobody", "?dialect=buildless")
    for path in (EVENTS, LOGS):
        for query in (
            *searched,
            "?period=7d",
            "?session=nobody",
            *(f"{each}&{RECEIVED}" for each in searched),
        ):
            if path == LOGS and ("dialect" in query or "received" in query):
                continue
            for client in (alice, bob, operator):
                read, plan = read_for(client, path + query)
                assert read < bound, f"{path}{query} reads {read}: {plan}"


def test_a_page_of_a_kind_reads_few_rows_for_every_reader(
    rare_owner: None, alice: Client, bob: Client, operator: Client
) -> None:
    for path in (LOGS, "/admin/events/summary/"):
        for client in (alice, bob, operator):
            read, plan = read_for(client, path)
            assert read < 5 * WINDOWS[0], f"{path}: {plan}"


def test_a_page_reads_about_as_many_rows_as_it_shows(filled: None, alice: Client, operator: Client) -> None:
    middle = Event.objects.order_by("id")[MANY // 2].pk
    for query in (
        "",
        "?kind=log",
        "?kind=summary",
        "?period=7d",
        f"?after={middle}",
        f"?before={middle}",
        f"?{RECEIVED}",
    ):
        for client in (alice, operator):
            read, plan = read_for(client, EVENTS + query)
            # Events of a kind are searched in a window, which is measured on two indexes.
            is_walked = "kind" in query or RECEIVED in query
            assert read < (5 * WINDOWS[0] if is_walked else 1_000), f"{query}: {plan}"
