"""Extra slashes in a path are ignored, and a request to a wrong path is told the right one."""

import json
from typing import Any

import pytest
from django.test import Client

from ingestion.dialects import availity, sunbird
from ingestion.receiving import gate
from ingestion.receiving.urls import urlpatterns
from tests.ingestion.test_keys import BODIES
from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD, Sender, file_all

KNOWN = [f"/{entry.pattern}" for entry in urlpatterns]
ORIGIN = {"Origin": "https://app.example"}
SPC = "/" + availity.PATHS[1]


def call(client: Client, method: str, path: str, body: Any = b"", **headers: str) -> Any:
    """Call a path that may begin with two slashes, which Django's client would take for a host."""
    return client.generic(
        method, "/", body, "application/json", headers=headers, PATH_INFO=path, QUERY_STRING=""
    )


def misspelt(path: str) -> list[str]:
    return [f"/{path}", f"{path}/", f"//{path}//", path.replace("/", "//"), f"{path}///"]


@pytest.mark.parametrize("path", KNOWN)
def test_extra_slashes_are_ignored_on_every_path(path: str) -> None:
    for wrong in misspelt(path):
        assert gate.bare(wrong) == path


@pytest.mark.parametrize("path", [SUNBIRD, AVAILITY, EMIT])
def test_an_event_posted_with_extra_slashes_is_stored(sender: Sender, path: str) -> None:
    for wrong in misspelt(path):
        headers = {**ORIGIN, "X-API-Key": sender.text}
        response = call(sender.client, "POST", wrong, json.dumps(BODIES[path]), **headers)
        assert response.status_code in (200, 201), (wrong, response.content)
        assert response["Access-Control-Allow-Origin"] == "https://app.example"
    done = file_all()
    assert (done.stored + done.duplicates, done.rejected) == (len(list(misspelt(path))), 0)


@pytest.mark.parametrize("path", [*(f"/{path}" for path in sunbird.PATHS), AVAILITY, SPC, EMIT, STREAM])
def test_a_preflight_with_extra_slashes_succeeds(client: Client, path: str) -> None:
    for wrong in misspelt(path):
        response = call(client, "OPTIONS", wrong, **ORIGIN)
        assert (response.status_code, response["Access-Control-Allow-Origin"]) == (204, ORIGIN["Origin"])


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("/v2/telemetry", "/v1/telemetry"),
        ("/v2/telemetry/", "/v1/telemetry"),
        ("//v3/telemetry", "/v1/telemetry"),
        ("/V1/Telemetry", "/v1/telemetry"),
        ("/telemetry", "/v1/telemetry"),
        ("/data/v2/telemetry", "/data/v1/telemetry"),
        ("/action/data/v1/telemetry", "/data/v1/telemetry"),
        ("/tally/v1/telemetry", "/v1/telemetry"),
        ("/v1/telemetry/data/v3/telemetry", "/data/v3/telemetry"),
        ("/v1/telemetry/event", EMIT),
        ("/v1/telemetry/event:emmit", EMIT),
        ("/v1/telemetry/event:streams", STREAM),
        ("/ms/api/availity", SPC),
        ("/ms/api/availity/internal/spc/analytics", SPC),
        ("/ms/api/availity/internal/spc/analytics/telemetry/v1", SPC),
        ("/ms/api/availity/internal/pui/key-delivery/v2/telemetry", AVAILITY),
        ("/ms/api/availity/internal/key-delivery/v1/telemetry", AVAILITY),
    ],
)
def test_the_error_for_a_wrong_path_names_the_right_one(client: Client, wrong: str, right: str) -> None:
    for method in ("POST", "GET"):
        response = call(client, method, wrong, b"{}", **ORIGIN)
        assert response.status_code == 404
        assert response["Content-Type"] == "application/json"
        assert response["Access-Control-Allow-Origin"] == "https://app.example"
        assert f"send to {right} instead" in response.content.decode()
        assert "unknown_path" in response.content.decode()
    assert call(client, "OPTIONS", wrong, **ORIGIN).status_code == 204


def test_a_wrong_path_is_answered_in_its_formats_style(client: Client) -> None:
    of_sunbird = call(client, "POST", "/data/v2/telemetry").json()
    of_availity = call(client, "POST", "/ms/api/availity").json()
    of_buildless = call(client, "POST", "/v1/telemetry/event:send").json()

    assert of_sunbird["params"]["err"] == "unknown_path"
    assert of_sunbird["responseCode"] == "CLIENT_ERROR"
    assert of_availity["error"]["code"] == "unknown_path"
    assert (of_buildless["ok"], of_buildless["error"]["code"]) == (False, "unknown_path")


@pytest.mark.parametrize("path", ["/nope", "/admin/nope/", "/reports/nope/", "/contents", "/v/x", "/data-x"])
def test_other_paths_get_the_usual_404(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (302, 404)
    assert response["Content-Type"].startswith("text/html")


def test_wrong_api_paths_get_the_apis_errors(client: Client, db: None) -> None:
    assert client.get("/api/v1/nope/")["Content-Type"] == "application/problem+json"


def test_a_very_long_path_is_cut_in_the_answer(client: Client) -> None:
    response = call(client, "POST", "/v1/" + "x" * 8000)
    assert response.status_code == 404
    assert len(response.content) < 600
