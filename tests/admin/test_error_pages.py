"""Pages of errors: in our look, without a database, and as problems under /api/."""

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
def test_they_say_what_to_do_and_lead_back(template: str, said: str) -> None:
    html = render_to_string(template, {"request_path": "/a/b"})
    assert f"<h1>{said}</h1>" in html
    assert 'href="/admin/"' in html


def test_an_address_that_there_is_not_is_named_and_harmless(operator: Client, client: Client) -> None:
    for reader in (operator, client):
        answer = reader.get("/no/such/<b>page")
        assert answer.status_code == 404
        assert "/no/such/%3Cb%3Epage" in answer.text


def test_a_form_without_a_token_is_refused_in_words() -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.text


def test_what_may_not_be_done_is_a_problem_to_readers_of_the_api() -> None:
    answer = errors.permission_denied(RequestFactory().get("/api/v1/events/"), Exception())
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")


def test_an_operator_is_not_sent_to_an_operator(operator: Client, charlie: Client) -> None:
    assert "not even operators" in operator.get("/admin/events/event/add/").text
    assert "Ask the lead of your team" in charlie.get("/admin/events/event/add/").text
