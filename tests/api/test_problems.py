"""All errors of the read API are problem documents, and no parameter is silently ignored."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from events.api.events import EventViewSet
from events.api.problems import MEDIA_TYPE, PROBLEMS
from tests.api.test_events import EVENTS, get
from tests.sending import MakeSender, Sender, file_all, log_event

MISSING = "00000000-0000-8000-8000-000000000001"


def problem(response: Any) -> dict[str, Any]:
    """Return the members of a problem, after checking its code, status and media type."""
    assert response["Content-Type"] == MEDIA_TYPE
    members: dict[str, Any] = response.json()
    known = PROBLEMS[members["code"]]
    assert (
        (members["status"], members["title"])
        == (known.status, known.title)
        == (response.status_code, known.title)
    )
    assert members["type"].endswith(members["code"])
    return members


@pytest.mark.parametrize(
    ("url", "params", "code"),
    [
        (EVENTS, {"kind": "nope"}, "bad_parameter"),
        (EVENTS, {"occurred_after": "yesterday"}, "bad_parameter"),
        (EVENTS, {"ordering": "actor"}, "bad_parameter"),
        (EVENTS, {"page_size": "0"}, "bad_parameter"),
        (EVENTS, {"page_size": "1001"}, "bad_parameter"),
        (EVENTS, {"fields": "id,nope"}, "bad_parameter"),
        (EVENTS, {"actor": ["a", "b"]}, "bad_parameter"),
        (EVENTS, {"knid": "log"}, "unknown_parameter"),
        (EVENTS, {"format": "xml"}, "bad_parameter"),
        ("/api/v1/sessions/", {"format": "json"}, "unknown_parameter"),
        (EVENTS, {"cursor": "x"}, "bad_cursor"),
        (f"{EVENTS}{MISSING}/", {}, "not_found"),
        (f"{EVENTS}{MISSING}/", {"kind": "log"}, "unknown_parameter"),
        (f"{EVENTS}nope/", {}, "not_found"),
        ("/api/v1/nope/", {}, "not_found"),
        ("/api/nope", {}, "not_found"),
        ("/api/v1/kinds/nope/", {}, "not_found"),
        ("/api/v1/kinds/", {"page_size": "3"}, "unknown_parameter"),
        ("/api/v1/kinds/log/", {"actin": "x"}, "unknown_parameter"),
        ("/api/v1/sessions/", {"kind": "log"}, "unknown_parameter"),
        ("/api/v1/rejected/", {"x": "y"}, "unknown_parameter"),
    ],
)
def test_an_invalid_request_gets_a_problem_with_a_code(
    sender: Sender, client: Client, url: str, params: dict[str, Any], code: str
) -> None:
    members = problem(get(client, url, sender.text, **params))
    assert members["code"] == code
    assert members["instance"] == url


def test_an_unknown_parameter_is_named_with_the_known_ones(sender: Sender, client: Client) -> None:
    members = problem(get(client, EVENTS, sender.text, knid="log", kind="log"))
    assert list(members["errors"]) == ["knid"]
    assert {"kind", "cursor", "page_size", "fields", "ordering"} < set(members["known"])


def test_an_invalid_value_is_reported_by_parameter(sender: Sender, client: Client) -> None:
    members = problem(get(client, EVENTS, sender.text, kind="nope", occurred_after="x"))
    assert set(members["errors"]) == {"kind", "occurred_after"}


def test_authentication_is_checked_before_parameters(make_sender: MakeSender, client: Client) -> None:
    anonymous = problem(get(client, EVENTS, knid="log"))
    assert (anonymous["code"], anonymous.get("known")) == ("not_authenticated", None)
    assert problem(get(client, EVENTS, "tally_sk_junk"))["code"] == "authentication_failed"
    assert problem(get(client, EVENTS, make_sender().text))["code"] == "permission_denied"


def test_unsupported_methods_and_media_types_are_refused(sender: Sender, client: Client) -> None:
    headers = {"Authorization": f"Bearer {sender.text}"}
    refused = client.delete(EVENTS, headers=headers)
    assert problem(refused)["code"] == "method_not_allowed"
    assert "GET" in refused["Allow"]
    assert problem(client.get(EVENTS, headers=headers | {"Accept": "text/html"}))["code"] == "not_acceptable"


def test_an_invalid_host_gets_a_problem_under_api_and_a_page_elsewhere(client: Client) -> None:
    assert problem(client.get(EVENTS, headers={"Host": "evil.example"}))["code"] == "malformed"
    assert client.get("/nope", headers={"Host": "evil.example"})["Content-Type"].startswith("text/html")


def test_a_server_error_gets_a_problem(
    sender: Sender, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(EventViewSet, "get_queryset", fail)
    client.raise_request_exception = False
    assert problem(get(client, EVENTS, sender.text))["code"] == "failed"


def test_an_unavailable_database_gives_503_with_retry_after(
    sender: Sender, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> Any:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(EventViewSet, "get_queryset", fail)
    response = get(client, EVENTS, sender.text)
    assert problem(response)["code"] == "unavailable"
    assert response["Retry-After"] == "5"


def test_fields_selects_the_fields_of_the_response(sender: Sender, client: Client) -> None:
    sender.batch(log_event())
    file_all()
    (event,) = get(client, EVENTS, sender.text, fields="id, kind").json()["results"]
    assert set(event) == {"id", "kind"}
    detail = get(client, f"{EVENTS}{event['id']}/", sender.text, fields="wire,country").json()
    assert set(detail) == {"wire", "country"}
    assert detail["wire"]["mid"] == "LOG:1"


def test_a_response_with_a_known_etag_is_not_sent_again(sender: Sender, client: Client) -> None:
    sender.batch(log_event())
    file_all()
    first = get(client, EVENTS, sender.text)
    assert set(first["Cache-Control"].split(", ")) == {"no-cache", "private"}
    headers = {"Authorization": f"Bearer {sender.text}", "If-None-Match": first["ETag"]}
    again = client.get(EVENTS, headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    sender.batch(log_event("another"))
    file_all()
    assert client.get(EVENTS, headers=headers).status_code == 200


def test_gzip_is_used_on_request_and_keeps_the_etag_valid(sender: Sender, client: Client) -> None:
    sender.batch(*(log_event(str(n)) for n in range(5)))
    file_all()
    headers = {"Authorization": f"Bearer {sender.text}", "Accept-Encoding": "gzip"}
    packed = client.get(EVENTS, headers=headers)
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    again = client.get(EVENTS, headers=headers | {"If-None-Match": packed["ETag"]})
    assert again.status_code == 304
