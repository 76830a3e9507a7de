"""Helpers for tests of exports by API: request, write, download."""

import json
from typing import Any

from django.test import Client

from events.exports import making
from tests.sending import Sender

EXPORTS = "/api/v1/exports/"


def by(key: Sender) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.text}"}


def post(client: Client, key: Sender, **body: Any) -> Any:
    return client.post(EXPORTS, json.dumps(body), "application/json", headers=by(key))


def asked(client: Client, key: Sender, what: str = "events", form: str = "ndjson", **filters: Any) -> Any:
    response = post(client, key, what=what, format=form, filters=filters)
    assert response.status_code == 202, response.content
    assert response["Location"] == f"{EXPORTS}{response.json()['id']}/"
    return response.json()


def state_of(client: Client, key: Sender, job: Any) -> Any:
    response = client.get(f"{EXPORTS}{job['id']}/", headers=by(key))
    assert response.status_code == 200, response.content
    return response.json()


def read(response: Any) -> bytes:
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    for close in response._resource_closers:  # `close` itself would close the test's connection
        close()
    return content


def made(client: Client, key: Sender, what: str = "events", form: str = "ndjson", **filters: Any) -> bytes:
    """Request, write and download an export, and return its content."""
    job = asked(client, key, what, form, **filters)
    assert making.make_next()
    done = state_of(client, key, job)
    assert (done["state"], done["error"]) == ("done", "")
    return read(Client().get(done["download_url"]))
