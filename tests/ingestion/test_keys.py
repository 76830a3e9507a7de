"""API keys are accepted by every means, and invalid ones are refused."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from events.ownership import senders
from events.ownership.api_key import ApiKey, KeyType, Permission
from ingestion.receiving.inbox import InboxRequest
from tests.sending import AVAILITY, EMIT, SUNBIRD, MakeSender, Sender, emitted, log_event, message

BODIES = {SUNBIRD: {"events": [log_event()]}, AVAILITY: message(), EMIT: emitted()}


def means(key: str) -> dict[str, dict[str, str]]:
    basic = base64.b64encode(f"apikey:{key}".encode()).decode()
    return {
        "bearer": {"Authorization": f"Bearer {key}"},
        "bearer in lower case": {"Authorization": f"bearer {key}"},
        "x-api-key": {"X-API-Key": key},
        "basic": {"Authorization": f"Basic {basic}"},
        "two headers with one key": {"Authorization": f"Bearer {key}", "X-API-Key": key},
        "an empty bearer beside": {"Authorization": "Bearer ", "X-API-Key": key},
    }


@pytest.mark.parametrize("way", means("x"))
@pytest.mark.parametrize("path", BODIES)
def test_every_means_is_accepted_for_every_dialect(
    make_sender: MakeSender, client: Client, way: str, path: str
) -> None:
    headers = means(make_sender().text)[way]
    response = client.post(path, BODIES[path], content_type="application/json", headers=headers)
    assert response.status_code in (200, 201), response.content


@pytest.mark.parametrize("path", [SUNBIRD, AVAILITY])
def test_a_publishable_key_may_be_in_the_url(make_sender: MakeSender, client: Client, path: str) -> None:
    key = make_sender().text
    response = client.post(f"{path}?key={key}", BODIES[path], content_type="application/json")
    assert response.status_code in (200, 201)


def test_a_secret_key_in_the_url_is_refused_and_marked_as_exposed(sender: Sender, client: Client) -> None:
    response = client.post(f"{AVAILITY}?key={sender.text}", message(), content_type="application/json")
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "secret_key_in_url"
    sender.key.refresh_from_db()
    assert sender.key.exposed_at is not None


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "none": ({}, "no_key"),
    "an empty bearer": ({"Authorization": "Bearer"}, "no_key"),
    "junk": ({"X-API-Key": "junk"}, "bad_key"),
    "junk that looks like one": ({"X-API-Key": "tally_pk_aaaaaaaaaaaa_" + "0" * 64}, "bad_key"),
    "two different": ({"X-API-Key": "one", "Authorization": "Bearer two"}, "two_keys"),
    "another scheme": ({"Authorization": "Digest x"}, "bad_scheme"),
    "basic of another user": ({"Authorization": "Basic " + base64.b64encode(b"me:x").decode()}, "bad_basic"),
    "basic that is not base64": ({"Authorization": "Basic %%%"}, "bad_basic"),
    "latin-1": ({"X-API-Key": "schl\u00fcssel"}, "bad_key"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("path", [SUNBIRD, AVAILITY, EMIT])
def test_a_request_without_exactly_one_valid_key_is_refused(
    db: None, client: Client, case: str, path: str
) -> None:
    headers, code = REFUSED[case]
    response = client.post(path, BODIES[path], content_type="application/json", headers=headers)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="tally"'
    assert code in response.content.decode()
    assert not InboxRequest.objects.exists()


@pytest.mark.parametrize("path", [SUNBIRD, AVAILITY, EMIT])
def test_a_read_only_key_cannot_send(make_sender: MakeSender, path: str) -> None:
    reader = make_sender(kind=KeyType.SECRET, permissions=(Permission.READ,))
    response = reader.post(path, BODIES[path])
    assert response.status_code == 403
    assert "key_only_reads" in response.content.decode()
    assert not InboxRequest.objects.exists()


def test_a_write_only_key_cannot_read(make_sender: MakeSender) -> None:
    for kind in KeyType:
        writer = make_sender(kind=kind, permissions=(Permission.WRITE,))
        bearer = {"Authorization": f"Bearer {writer.text}"}
        response = writer.client.get("/api/v1/events/", headers=bearer)
        assert (response.status_code, response.json()["status"]) == (403, 403)
        assert "no read permission" in response.json()["detail"]
        assert writer.post(SUNBIRD, BODIES[SUNBIRD]).status_code == 200


def test_a_read_only_key_reads_but_cannot_replay(make_sender: MakeSender) -> None:
    reader = make_sender(kind=KeyType.SECRET, permissions=(Permission.READ,))
    bearer = {"Authorization": f"Bearer {reader.text}"}
    assert reader.client.get("/api/v1/events/", headers=bearer).status_code == 200
    replay = reader.client.post(
        "/api/v1/rejected/replay/", {"all": True}, content_type="application/json", headers=bearer
    )
    assert replay.status_code == 403
    assert "no write permission" in replay.json()["detail"]


def test_the_database_enforces_that_publishable_keys_only_write(sender: Sender) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.update(type=KeyType.PUBLISHABLE, may_read=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.update(type=KeyType.PUBLISHABLE, may_manage=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.update(may_write=False, may_read=False)


@pytest.mark.parametrize("change", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now()}])
def test_a_revoked_or_expired_key_is_refused_after_the_cache_expires(
    sender: Sender, change: dict[str, Any]
) -> None:
    sender.batch(log_event())
    ApiKey.objects.update(**change)
    senders.forget()
    assert sender.post(SUNBIRD, {"events": []}).status_code == 401


def test_a_cached_key_is_refused_from_the_moment_it_expires(sender: Sender) -> None:
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(seconds=0.3))
    senders.forget()
    assert sender.post(SUNBIRD, {"events": []}).status_code == 200
    import time

    time.sleep(0.35)
    assert sender.post(SUNBIRD, {"events": []}).status_code == 401


def test_keys_are_cached_for_less_than_half_a_minute(db: None) -> None:
    assert senders.TTL_SECONDS < 30


def test_junk_keys_are_not_cached(sender: Sender) -> None:
    sender.batch()
    for n in range(50):
        sender.post(SUNBIRD, {"events": []}, **{"X-API-Key": f"tally_pk_{n:012d}_{'0' * 64}"})
    assert sender.post(SUNBIRD, {"events": []}).status_code == 200
    assert len(senders._cache) == 1


def test_only_the_hash_of_a_key_is_stored(make_sender: MakeSender) -> None:
    made = make_sender(kind=KeyType.SECRET)
    secret = made.text.rpartition("_")[2]
    assert all(secret not in str(value) for value in ApiKey.objects.values().get().values())
