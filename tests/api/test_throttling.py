"""Readers are limited per key and per person, and not at all while Valkey is unavailable."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.api.problems import MEDIA_TYPE
from events.ownership.api_key import KeyType
from telemetry_project.stack import valkey
from tests.api.test_events import EVENTS, get
from tests.ingestion.test_rate_limits import limit, server
from tests.sending import MakeSender, Sender, log_event

__all__ = ["server"]
OWNERS = "/api/v1/owners/"


def statuses(client: Client, key: str, times: int, url: str = EVENTS) -> list[int]:
    return [get(client, url, key).status_code for _ in range(times)]


def test_beyond_the_limit_the_problem_says_when_to_retry(
    server: valkey.Server, sender: Sender, client: Client, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=2)
    assert statuses(client, sender.text, 1) + statuses(client, sender.text, 1, OWNERS) == [200, 200]
    response = get(client, EVENTS, sender.text)
    problem = response.json()
    assert (response.status_code, response["Content-Type"]) == (429, MEDIA_TYPE)
    assert (problem["code"], problem["instance"]) == ("rate_limited", EVENTS)
    assert problem["detail"].startswith("More than 0.01 requests a second from this API key; try again in")
    assert 90 <= int(response["Retry-After"]) <= 100
    assert (response["RateLimit-Limit"], response["RateLimit-Remaining"]) == ("2", "0")
    assert 190 <= int(response["RateLimit-Reset"]) <= 200


def test_each_key_and_each_person_has_its_own_limit(
    server: valkey.Server, make_sender: MakeSender, client: Client, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    one, other = make_sender(kind=KeyType.SECRET), make_sender(kind=KeyType.SECRET)
    assert statuses(client, one.text, 2) == [200, 429]
    assert statuses(client, other.text, 2) == [200, 429]
    for name in ("ann", "ben"):
        client.force_login(User.objects.create_user(name))
        assert statuses(client, "", 2) == [200, 429]


def test_reading_and_sending_have_separate_limits(
    server: valkey.Server, sender: Sender, client: Client, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    assert statuses(client, sender.text, 2) == [200, 429]
    sender.batch(log_event())
    limit(settings, reader_per_second=5, reader_burst=1)
    time.sleep(0.3)
    assert statuses(client, sender.text, 1) == [200]


def test_anonymous_requests_always_get_401(
    server: valkey.Server, client: Client, db: None, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    assert statuses(client, "", 3) == [401] * 3


@pytest.mark.parametrize(("limits", "policy"), [(True, '"reader";q=200;w=10'), (False, None)])
def test_responses_state_the_limit(
    sender: Sender, client: Client, settings: Any, limits: bool, policy: str | None
) -> None:
    limit(settings, reader_per_second=20.0, reader_burst=200)
    settings.RATE_LIMITS = limits
    assert get(client, EVENTS, sender.text).headers.get("RateLimit-Policy") == policy


def test_limits_can_be_switched_off(
    server: valkey.Server, sender: Sender, client: Client, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    settings.RATE_LIMITS = False
    assert statuses(client, sender.text, 3) == [200] * 3


def test_nothing_is_limited_without_valkey(
    server: valkey.Server, sender: Sender, client: Client, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    server.stop()
    assert statuses(client, sender.text, 3) == [200] * 3


def test_the_document_has_the_headers_of_a_429(client: Client, db: None) -> None:
    answers = client.get("/api/schema/").json()["paths"]["/api/v1/events/"]["get"]["responses"]
    assert set(answers["429"]["headers"]) == {
        "Retry-After",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
    }
