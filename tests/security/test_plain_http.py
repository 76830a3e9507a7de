"""Plain HTTP where HTTPS is required is refused without a redirect, and a secret key counts as exposed."""

from typing import Any

import pytest
from django.test import Client

from events.ownership.api_key import ApiKey, KeyType
from ingestion.receiving.inbox import InboxRequest
from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD, MakeSender, Sender, log_event


@pytest.fixture(autouse=True)
def _demanded(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.parametrize("path", [SUNBIRD, AVAILITY, EMIT, STREAM])
def test_events_over_plain_http_are_refused_without_a_redirect(path: str, sender: Sender) -> None:
    response = sender.post(path, {"events": [log_event()]}, Origin="https://app.example")
    assert response.status_code == 403
    assert "https_required" in response.content.decode()
    assert "Location" not in response
    assert response["Access-Control-Allow-Origin"]
    assert not InboxRequest.objects.exists()
    assert ApiKey.objects.get().exposed_at


def test_a_publishable_key_is_refused_but_not_exposed(make_sender: MakeSender) -> None:
    sender = make_sender()
    assert sender.post(SUNBIRD, {"events": [log_event()]}).status_code == 403
    assert ApiKey.objects.get().exposed_at is None


def test_the_api_refuses_a_key_over_plain_http(make_sender: MakeSender, client: Client) -> None:
    reader = make_sender(kind=KeyType.SECRET)
    response = client.get("/api/v1/events/", headers={"Authorization": f"Bearer {reader.text}"})
    assert (response.status_code, response.json()["code"]) == (403, "https_required")
    assert "replace the key" in response.json()["detail"]
    assert ApiKey.objects.get().exposed_at


def test_a_junk_key_over_plain_http_marks_no_key_as_exposed(sender: Sender, client: Client) -> None:
    junk = f"{sender.text[:-4]}beef"
    assert sender.post(SUNBIRD, {}, **{"X-API-Key": junk}).status_code == 403
    assert client.get("/api/v1/events/", headers={"Authorization": f"Bearer {junk}"}).status_code == 403
    assert ApiKey.objects.get().exposed_at is None


def test_pages_redirect_to_https_and_https_is_accepted(sender: Sender, client: Client) -> None:
    assert client.get("/admin/login/").status_code == 301
    body = '{"id": "api.telemetry", "ver": "3.0", "events": []}'
    taken = client.post(
        SUNBIRD, body, content_type="application/json", headers={"X-API-Key": sender.text}, secure=True
    )
    assert taken.status_code == 200
