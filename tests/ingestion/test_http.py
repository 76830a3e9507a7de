"""HTTP of the ingest endpoints: encodings, limits, methods, CORS, an unavailable database."""

import gzip
import json
import zlib
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory

from ingestion.receiving import inbox, views
from tests.sending import AVAILITY, EMIT, SUNBIRD, Sender, log_event

GOOD = json.dumps({"events": [log_event()]}).encode()
ALL = [SUNBIRD, AVAILITY, EMIT]


def deflated(body: bytes) -> bytes:
    return zlib.compress(body)


def raw(body: bytes) -> bytes:
    """Deflate without zlib's header and checksum, as some clients do."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


ENCODED: dict[str, tuple[str, bytes, int]] = {
    "gzip": ("gzip", gzip.compress(GOOD), 200),
    "deflate": ("deflate", deflated(GOOD), 200),
    "raw deflate": ("deflate", raw(GOOD), 200),
    "raw deflate, stored": (
        "deflate",
        b"\x01" + len(GOOD).to_bytes(2, "little") + (len(GOOD) ^ 0xFFFF).to_bytes(2, "little") + GOOD,
        200,
    ),
    "raw deflate, truncated": ("deflate", raw(GOOD)[:-9], 400),
    "raw deflate with trailing garbage": ("deflate", raw(GOOD) + b"garbage", 400),
    "deflate, truncated": ("deflate", deflated(GOOD)[:-9], 400),
    "deflate with a bad checksum": ("deflate", deflated(GOOD)[:-4] + b"\x00" * 4, 400),
    "not deflated": ("deflate", GOOD, 400),
    "gzip for deflate": ("deflate", gzip.compress(GOOD), 400),
    "identity": ("identity", GOOD, 200),
    "two members": ("gzip", gzip.compress(GOOD[:50]) + gzip.compress(GOOD[50:]), 200),
    "truncated": ("gzip", gzip.compress(GOOD)[:-9], 400),
    "bad checksum": ("gzip", gzip.compress(GOOD)[:-8] + b"\x00" * 8, 400),
    "trailing garbage": ("gzip", gzip.compress(GOOD) + b"garbage", 400),
    "not compressed": ("gzip", GOOD, 400),
    "compressed but not said so": ("", gzip.compress(GOOD), 400),
    "nested": ("gzip, gzip", gzip.compress(gzip.compress(GOOD)), 415),
    "brotli": ("br", GOOD, 415),
    "zstd": ("zstd", GOOD, 415),
    "unknown": ("rot13", GOOD, 415),
}


@pytest.mark.parametrize("case", ENCODED)
def test_content_encodings_are_decoded_or_refused(sender: Sender, case: str) -> None:
    encoding, body, status = ENCODED[case]
    headers = {"Content-Encoding": encoding} if encoding else {}
    assert sender.post(SUNBIRD, body, **headers).status_code == status


def test_a_gzip_bomb_is_refused(sender: Sender) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    response = sender.post(SUNBIRD, bomb, **{"Content-Encoding": "gzip"})
    assert (response.status_code, response.json()["params"]["err"]) == (413, "too_large")


def test_a_raw_deflate_bomb_is_refused(sender: Sender) -> None:
    response = sender.post(SUNBIRD, raw(b" " * 50_000_000), **{"Content-Encoding": "deflate"})
    assert (response.status_code, response.json()["params"]["err"]) == (413, "too_large")


def test_only_a_body_over_the_limit_is_refused(sender: Sender, settings: Any) -> None:
    settings.INGEST_MAX_BODY_BYTES = len(GOOD)
    assert sender.post(SUNBIRD, GOOD).status_code == 200
    assert sender.post(SUNBIRD, GOOD + b" ").status_code == 413


@pytest.mark.parametrize("path", ALL)
def test_other_charsets_than_utf8_are_refused(sender: Sender, path: str) -> None:
    assert sender.post(path, b"{}", "application/json; charset=utf-16").status_code == 415


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_other_methods_get_405_with_the_allowed_ones(client: Client, path: str, method: str) -> None:
    response = getattr(client, method)(path)
    assert (response.status_code, response["Allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize("path", ALL)
def test_a_preflight_succeeds_from_any_origin(client: Client, path: str) -> None:
    response = client.options(path, headers={"Origin": "https://app.example"})
    assert response.status_code == 204
    assert response["Access-Control-Allow-Origin"] == "https://app.example"
    assert response["Access-Control-Allow-Credentials"] == "true"
    assert response["Access-Control-Max-Age"] == "7200"
    assert response["Vary"] == "Origin, Access-Control-Request-Headers"
    allowed = response["Access-Control-Allow-Headers"].split(", ")
    assert {"authorization", "x-api-key", "content-encoding", "x-response-encoding-context"} <= set(allowed)


# Headers that OpenTelemetry, Zipkin, Sentry, New Relic, Datadog and caches add to a page's requests.
ADDED = (
    "traceparent,tracestate,baggage,b3,x-b3-traceid,sentry-trace,newrelic,x-newrelic-id,"
    "x-datadog-trace-id,x-datadog-parent-id,x-datadog-origin,x-datadog-sampling-priority,cache-control,pragma"
)


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("names", [ADDED, "content-type, traceparent", "X-Anything_at.All~"])
def test_a_preflight_allows_the_requested_headers(client: Client, path: str, names: str) -> None:
    response = client.options(
        path, headers={"Origin": "https://app.example", "Access-Control-Request-Headers": names}
    )
    assert response["Access-Control-Allow-Headers"] == names


@pytest.mark.parametrize("names", ["", "  ", "é", 'a"b', "a\tb", "x" * 8001])
def test_invalid_header_names_are_not_echoed(client: Client, names: str) -> None:
    response = client.options(
        SUNBIRD, headers={"Origin": "https://app.example", "Access-Control-Request-Headers": names}
    )
    assert response["Access-Control-Allow-Headers"].startswith("authorization, content-type")


def test_allow_origin_keeps_the_existing_vary_header() -> None:
    request = RequestFactory().post(SUNBIRD)
    answer = HttpResponse(headers={"Vary": "Accept-Encoding"})
    assert views.allow_origin(request, answer)["Vary"] == "Accept-Encoding, Origin"


def test_a_server_error_can_be_read_by_the_page(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(inbox, "put", fail)
    sender.client.raise_request_exception = False
    response = sender.post(SUNBIRD, GOOD, Origin="https://app.example")
    assert (response.status_code, response["Content-Type"]) == (500, "application/json")
    assert response["Access-Control-Allow-Origin"] == "https://app.example"
    assert response.json()["params"]["err"] == "failed"


@pytest.mark.parametrize("path", ALL)
def test_a_refusal_can_be_read_by_the_page(client: Client, db: None, path: str) -> None:
    response = client.post(path, "{}", content_type="text/plain", headers={"Origin": "https://app.example"})
    assert response.status_code == 401
    assert response["Access-Control-Allow-Origin"] == "https://app.example"


@pytest.mark.parametrize("path", ALL)
def test_an_unavailable_database_gives_503_with_retry_after(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    from tests.ingestion.test_keys import BODIES

    def away(_: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(inbox, "put", away)
    response = sender.post(path, BODIES[path])
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "unavailable" in response.content.decode()


def test_ingest_bypasses_the_middleware_for_pages(sender: Sender) -> None:
    response = sender.post(SUNBIRD, GOOD)
    assert not response.cookies
    assert "X-Frame-Options" not in response
