"""Error pages have Tally's design and need no database; under /api/ they are problem documents."""

import pytest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from telemetry_project.web import errors


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("400.html", "This request can't be processed"),
        ("403_csrf.html", "This form is out of date"),
        ("404.html", "Page not found"),
        ("500.html", "Something went wrong"),
    ],
)
def test_error_pages_explain_and_link_to_the_first_page(template: str, said: str) -> None:
    html = render_to_string(template, {"request_path": "/a/b"})
    assert f"<h1>{said}</h1>" in html
    assert 'href="/admin/"' in html


def test_the_404_page_shows_the_address_escaped(operator: Client, client: Client) -> None:
    for reader in (operator, client):
        answer = reader.get("/no/such/<b>page")
        assert answer.status_code == 404
        assert "/no/such/%3Cb%3Epage" in answer.text


def test_a_form_without_a_token_is_refused_with_an_explanation() -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.text


def test_a_denied_api_request_gets_a_problem_document() -> None:
    answer = errors.permission_denied(RequestFactory().get("/api/v1/events/"), Exception())
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")


def test_operators_are_not_told_to_ask_an_operator(operator: Client, charlie: Client) -> None:
    assert "not even operators" in operator.get("/admin/events/event/add/").text
    assert "Ask the lead of your team" in charlie.get("/admin/events/event/add/").text
