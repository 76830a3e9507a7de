"""PostgreSQL reads few rows for a page of the list of sessions, by cursor, owner and search."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.sessions.session import Session
from tests.admin.test_events_plan import read_for
from tests.admin.visits import SESSIONS, at, visited
from tests.sending import Sender

MANY = 40_000  # sessions, a minute apart

_FILL = """
INSERT INTO events_session (id, owner_id, source_id, session, dialect, type, started_at, ended_at, time_spent,
                            events, page_views, interactions, errors, entry_kind, entry_event,
                            exit_kind, exit_event, actor)
SELECT md5(g::text)::uuid, %s, %s, 'visit ' || g, 'sunbird', 'app', t, t, 0, 1, 0, 0, g %% 10, 'log',
       md5(g::text)::uuid, 'log', md5(g::text)::uuid, 'user ' || g %% 500
FROM (SELECT g, now() - g * interval '1 minute' AS t FROM generate_series(1, %s) g) moments
"""


@pytest.fixture
def filled(team_a: Sender) -> None:
    session = visited(team_a, at(0))
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [session.owner_id, session.source_id, MANY])
        cursor.execute("ANALYZE events_session")


def test_a_page_reads_about_as_many_rows_as_it_shows(filled: None, alice: Client, operator: Client) -> None:
    middle = Session.objects.order_by("started_at")[MANY // 2]
    key = f"{middle.started_at.isoformat().replace('+', '%2B')}~{middle.pk}"
    queries = ("", "?period=7d", "?errors=some", "?state=final", f"?after={key}", f"?before={key}")
    for query in queries:
        for client in (alice, operator):
            read, plan = read_for(client, SESSIONS + query, "events_session")
            assert read < 3_000, f"{query}: {plan}"


@pytest.mark.parametrize("term", ["visit 30000", "user 77", "nobody"])
def test_a_search_uses_an_index(filled: None, alice: Client, term: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        alice.get(SESSIONS, {"q": term})
    asked: Any = [sql["sql"] for sql in captured.captured_queries if 'FROM "events_session"' in sql["sql"]]
    for statement in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}".replace("%", "%%"))
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "Seq Scan" not in plan, plan
