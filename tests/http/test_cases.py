"""Each case has the expected responses, connection state and number of requests in the inbox."""

import pytest

from ingestion.receiving.inbox import InboxRequest
from telemetry_project.stack import paths
from tests.http.cases import BODY, CASES, TABLES, Case, page
from tests.http.wire import Site, converse

PAGE = paths.REPOSITORY / "docs" / "explanation" / "reliability.md"


def run_case(site: Site, case: Case) -> Case:
    """Run a case, and return it with the observed results."""
    InboxRequest.objects.all().delete()
    answers, stays = converse(site, case.sent, len(case.answers), case.gone)
    bodies = [bytes(body).strip() for body in InboxRequest.objects.values_list("body", flat=True)]
    assert set(bodies) <= {BODY}, case.what
    assert site.ask() == 200, f"on a new connection after: {case.what}"
    return case._replace(answers=answers, stays=stays, filed=len(bodies) - stays)


@pytest.mark.parametrize("name", TABLES)
def test_a_case_has_the_expected_results(site: Site, name: str) -> None:
    wrong = [seen for case in TABLES[name] if (seen := run_case(site, case)) != case]

    assert [seen._replace(sent=b"") for seen in wrong] == []


def test_no_case_causes_a_server_error() -> None:
    assert [case.what for case in CASES if max(case.answers, default=0) >= 500] == []


def test_the_documentation_shows_these_cases() -> None:
    assert page() in PAGE.read_text(), "put the table that tests/http/cases.py's page() gives into the page"
