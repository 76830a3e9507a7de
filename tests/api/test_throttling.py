"""Readers are limited: each key and each person for itself, and not at all where Valkey is away."""

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


def test_beyond_the_limit_the_answer_is_a_problem_that_says_when_to_ask_again(
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


def test_each_key_and_each_person_is_limited_for_itself(
    server: valkey.Server, make_sender: MakeSender, client: Client, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    one, other = make_sender(kind=KeyType.SECRET), make_sender(kind=KeyType.SECRET)
    assert statuses(client, one.text, 2) == [200, 429]
    assert statuses(client, other.text, 2) == [200, 429]
    for name in ("ann", "ben"):
        client.force_login(User.objects.create_user(name))
        assert statuses(client, "", 2) == [200, 429]


def test_reading_and_sending_take_nothing_from_each_other(
    server: valkey.Server, sender: Sender, client: Client, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    assert statuses(client, sender.text, 2) == [200, 429]
    sender.batch(log_event())
    limit(settings, reader_per_second=5, reader_burst=1)
    time.sleep(0.3)
    assert statuses(client, sender.text, 1) == [200]


def test_a_stranger_is_asked_who_they_are_however_often(
    server: valkey.Server, client: Client, db: None, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    assert statuses(client, "", 3) == [401] * 3


@pytest.mark.parametrize(("limits", "policy"), [(True, '"reader";q=200;w=10'), (False, None)])
def test_answers_say_the_limit(
    sender: Sender, client: Client, settings: Any, limits: bool, policy: str | None
) -> None:
    limit(settings, reader_per_second=20.0, reader_burst=200)
    settings.RATE_LIMITS = limits
    assert get(client, EVENTS, sender.text).headers.get("RateLimit-Policy") == policy


def test_off_is_off(server: valkey.Server, sender: Sender, client: Client, settings: Any) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    settings.RATE_LIMITS = False
    assert statuses(client, sender.text, 3) == [200] * 3


def test_without_valkey_nobody_is_limited(
    server: valkey.Server, sender: Sender, client: Client, settings: Any
) -> None:
    limit(settings, reader_per_second=0.01, reader_burst=1)
    server.stop()
    assert statuses(client, sender.text, 3) == [200] * 3


def test_the_description_has_the_headers_of_a_refusal(client: Client, db: None) -> None:
    answers = client.get("/api/schema/").json()["paths"]["/api/v1/events/"]["get"]["responses"]
    assert set(answers["429"]["headers"]) == {
        "Retry-After",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
    }
