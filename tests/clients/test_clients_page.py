"""Events of every client arrive from Node and from pages of another origin, as documented in clients.md."""

import os

import pytest

from events.ownership import provisioning
from tests.clients.clients_page import PAGE, page
from tests.clients.npm import Clients
from tests.clients.recorder import recording
from tests.clients.runs import PAGE as ON_A_PAGE
from tests.clients.runs import RUNS, Outcome, Run, Told, outcome_of

_seen: dict[str, Outcome] = {}


def seen(run: Run, clients: Clients, server: str) -> Outcome:
    """Return the outcome of a run, which is cached for all tests."""
    if run.name not in _seen:
        # Each run has its own owner: for the same owner, the event would be a duplicate.
        key = provisioning.key(organization_slug="acme", owner_name=run.name, owners="all").text
        with recording(server) as recorder:
            _seen[run.name] = outcome_of(run, Told(clients, recorder, key))
    return _seen[run.name]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_events_of_a_client_arrive(run: Run, clients: Clients, server: str, transactional_db: None) -> None:
    outcome = seen(run, clients, server)

    assert {post.status for post in outcome.posts} <= {200, 201}, [post.answer for post in outcome.posts]
    assert outcome.rejected == []
    assert outcome.wire_in_order == outcome.sent_in_order
    assert outcome.wire


@pytest.mark.parametrize("run", [run for run in RUNS if run.where == ON_A_PAGE], ids=lambda run: run.name)
def test_tracing_headers_are_allowed(run: Run, clients: Clients, server: str, transactional_db: None) -> None:
    outcome = seen(run, clients, server)

    assert {"traceparent", "baggage", "sentry-trace", "x-datadog-trace-id", "newrelic"} <= set(
        outcome.asked_for
    )
    assert any("traceparent" in post.headers for post in outcome.posts)


def test_the_page_is_up_to_date(clients: Clients, server: str, transactional_db: None) -> None:
    made = page({run.name: seen(run, clients, server) for run in RUNS})

    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(made)
    assert PAGE.read_text() == made, "make docs-clients"
