"""Each request of the tables: its answers, its connection, what it leaves in the inbox."""

import pytest

from ingestion.receiving.inbox import InboxRequest
from telemetry_project.stack import paths
from tests.http.cases import BODY, CASES, TABLES, Case, page
from tests.http.wire import Site, converse

PAGE = paths.REPOSITORY / "docs" / "explanation" / "reliability.md"


def undergone(site: Site, case: Case) -> Case:
    """The case as it was seen: of whole bodies in the inbox, how many are the case's own."""
    InboxRequest.objects.all().delete()
    answers, stays = converse(site, case.sent, len(case.answers), case.gone)
    bodies = [bytes(body).strip() for body in InboxRequest.objects.values_list("body", flat=True)]
    assert set(bodies) <= {BODY}, case.what
    assert site.ask() == 200, f"on a new connection after: {case.what}"
    return case._replace(answers=answers, stays=stays, filed=len(bodies) - stays)


@pytest.mark.parametrize("name", TABLES)
def test_requests_get_their_answers_and_leave_the_connection_in_step(site: Site, name: str) -> None:
    wrong = [seen for case in TABLES[name] if (seen := undergone(site, case)) != case]

    assert [seen._replace(sent=b"") for seen in wrong] == []


def test_no_case_is_answered_with_a_fault_of_ours() -> None:
    assert [case.what for case in CASES if max(case.answers, default=0) >= 500] == []


def test_the_documentation_shows_these_cases() -> None:
    assert page() in PAGE.read_text(), "put the table that tests/http/cases.py's page() gives into the page"
