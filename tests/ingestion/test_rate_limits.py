"""Rate limits per key and address, refilled over time, and lifted while Valkey is unavailable."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import Client

from events.lib import buckets
from ingestion.receiving import authentication
from telemetry_project.stack import valkey
from tests.ingestion.test_keys import BODIES
from tests.sending import AVAILITY, EMIT, SUNBIRD, MakeSender, Sender

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
JUNK = "tally_pk_aaaaaaaaaaaa_" + "0" * 63


def limit(settings: Any, **limits: float) -> None:
    """Set small buckets for some limits; the others stay practically unlimited."""
    for name, value in limits.items():
        setattr(settings, f"RATE_LIMIT_{name.upper()}", value)


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> Iterator[valkey.Server]:
    """A Valkey server for one test, with full buckets."""
    with valkey.running(tmp_path / "data") as running:
        settings.REDIS_URL = ""
        settings.VALKEY_SOCKET = running.socket
        buckets.reset()
        yield running


def statuses(sender: Sender, times: int, path: str = EMIT, address: str = HERE) -> list[int]:
    sender.client.defaults["REMOTE_ADDR"] = address
    return [sender.post(path, BODIES[path]).status_code for _ in range(times)]


@pytest.mark.parametrize("path", [SUNBIRD, AVAILITY, EMIT])
def test_over_the_limit_each_dialect_refuses_in_its_own_style(
    server: valkey.Server, sender: Sender, settings: Any, path: str
) -> None:
    limit(settings, key_per_second=0.01, key_burst=2)
    assert all(status < 300 for status in statuses(sender, 2, path))
    response = sender.post(path, BODIES[path], Origin="https://app.example")
    assert response.status_code == 429
    assert 90 <= int(response["Retry-After"]) <= 100
    assert (response["RateLimit-Limit"], response["RateLimit-Remaining"]) == ("2", "0")
    assert 190 <= int(response["RateLimit-Reset"]) <= 200
    assert "Retry-After" in response["Access-Control-Expose-Headers"]
    answer = response.json()
    if path == SUNBIRD:
        assert (answer["responseCode"], answer["params"]["err"]) == ("CLIENT_ERROR", "rate_limited")
    else:
        assert answer["error"]["code"] == "rate_limited"


@pytest.mark.parametrize(("limits", "policy"), [(True, '"key";q=2000;w=2'), (False, None)])
def test_successful_responses_state_the_limit(
    sender: Sender, settings: Any, limits: bool, policy: str | None
) -> None:
    settings.RATE_LIMITS = limits
    assert sender.post(EMIT, BODIES[EMIT]).headers.get("RateLimit-Policy") == policy


def test_an_empty_bucket_refills(server: valkey.Server, sender: Sender, settings: Any) -> None:
    limit(settings, key_per_second=5, key_burst=1)
    assert 429 in statuses(sender, 20)
    time.sleep(0.3)
    assert statuses(sender, 1) == [200]


def test_a_key_has_a_bucket_of_its_own(server: valkey.Server, make_sender: MakeSender, settings: Any) -> None:
    limit(settings, key_per_second=0.01, key_burst=1)
    one, other = make_sender(), make_sender()
    assert statuses(one, 2) == [200, 429]
    assert statuses(other, 2) == [200, 429]


def test_an_address_has_a_bucket_of_its_own(
    server: valkey.Server, make_sender: MakeSender, settings: Any
) -> None:
    limit(settings, address_per_second=0.01, address_burst=1)
    one, other = make_sender(), make_sender()
    assert statuses(one, 1) + statuses(other, 1) == [200, 429]
    assert statuses(other, 1, address=ELSEWHERE) == [200]


@pytest.mark.parametrize("key", [JUNK, "junk", ""])
def test_junk_keys_are_limited_by_address_and_lock_out_no_other_address(
    server: valkey.Server, sender: Sender, client: Client, settings: Any, key: str
) -> None:
    limit(settings, address_per_second=0.01, address_burst=3)
    headers = {"X-API-Key": key}
    junk = [
        client.post(EMIT, {}, "application/json", headers=headers, REMOTE_ADDR=HERE).status_code
        for _ in range(5)
    ]
    assert junk == [401, 401, 401, 429, 429]
    assert statuses(sender, 1, address=ELSEWHERE) == [200]


def test_valkey_stores_neither_address_nor_key_and_buckets_expire(
    server: valkey.Server, sender: Sender, settings: Any
) -> None:
    limit(settings, key_per_second=0.1, key_burst=5, address_per_second=0.1, address_burst=5)
    statuses(sender, 1)
    with redis.Redis(unix_socket_path=str(server.socket), decode_responses=True) as client:
        names = client.keys("*")
        assert len(names) == 2
        for name in names:
            assert HERE not in name
            assert sender.text not in name
            assert 0 < client.pttl(name) <= 10_001  # until it would be full


def test_most_requests_use_tokens_the_process_has_reserved(
    server: valkey.Server, sender: Sender, settings: Any
) -> None:
    statuses(sender, 10)
    with redis.Redis(unix_socket_path=str(server.socket)) as client:
        assert (
            client.info("commandstats")["cmdstat_evalsha"]["calls"] == 2
        )  # the first fails as unknown, then the script is loaded


def test_the_script_is_loaded_again_if_valkey_has_lost_it(
    server: valkey.Server, sender: Sender, settings: Any
) -> None:
    limit(settings, key_per_second=0.01, key_burst=2)
    statuses(sender, 1)
    with redis.Redis(unix_socket_path=str(server.socket)) as client:
        client.script_flush()
    assert statuses(sender, 2) == [200, 429]


def test_rate_limits_can_be_switched_off(server: valkey.Server, sender: Sender, settings: Any) -> None:
    limit(settings, key_per_second=0.01, key_burst=1)
    settings.RATE_LIMITS = False
    assert statuses(sender, 3) == [200] * 3


def test_nothing_is_limited_while_valkey_is_stopped(
    server: valkey.Server, sender: Sender, settings: Any
) -> None:
    limit(settings, key_per_second=0.01, key_burst=1)
    server.stop()
    assert statuses(sender, 3) == [200] * 3


def test_only_one_request_waits_for_a_hanging_valkey(
    server: valkey.Server, sender: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(settings, key_per_second=0.01, key_burst=1)
    monkeypatch.setattr(
        buckets, "TIMEOUT_SECONDS", 2.0
    )  # if every request waited, they would take 40 s together
    monkeypatch.setattr(buckets, "REST_SECONDS", 60.0)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert statuses(sender, 20) == [200] * 20
        assert time.monotonic() - begun < 20
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_limits_apply_again_once_valkey_is_back(
    server: valkey.Server, sender: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(settings, key_per_second=0.01, key_burst=1)
    monkeypatch.setattr(buckets, "REST_SECONDS", 0.0)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        assert statuses(sender, 2) == [200] * 2
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert 429 in statuses(sender, 5)


@pytest.mark.parametrize(
    ("trusted", "meta", "address"),
    [
        ([], {"REMOTE_ADDR": HERE, "HTTP_X_FORWARDED_FOR": ELSEWHERE}, HERE),
        ([HERE], {"REMOTE_ADDR": HERE, "HTTP_X_FORWARDED_FOR": f"1.2.3.4, {ELSEWHERE}"}, ELSEWHERE),
        ([HERE], {"REMOTE_ADDR": HERE}, HERE),
        ([], {"REMOTE_ADDR": "2001:db8::1:2:3:4"}, "2001:db8::/64"),
        ([], {"REMOTE_ADDR": f"::ffff:{HERE}"}, HERE),
        ([], {"REMOTE_ADDR": "not:an:address"}, "not:an:address"),
        ([], {}, ""),
    ],
)
def test_the_limited_address_is_not_one_the_sender_can_choose(
    settings: Any, trusted: list[str], meta: dict[str, str], address: str
) -> None:
    settings.TRUSTED_PROXIES = trusted
    assert authentication.address_of(meta) == address
